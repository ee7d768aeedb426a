/* expect: assertion | two small messages in a pipe may be read as one, if more is asked for than one */
#include <assert.h>
#include <pthread.h>
#include <unistd.h>

static int ends[2];

static void *write_two(void *argument)
{
    (void)argument;
    assert(write(ends[1], "one", 4) == 4);
    assert(write(ends[1], "two", 4) == 4);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char got[64];
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, write_two, NULL);
    assert(read(ends[0], got, sizeof got) == 4);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
