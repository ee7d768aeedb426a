/* expect: assertion | a message above PIPE_BUF is read in one call, though it comes in parts */
#include <assert.h>
#include <pthread.h>
#include <unistd.h>

enum { LARGE = 8192 };

static int ends[2];
static char large[LARGE], got[LARGE];

static void *write_it(void *argument)
{
    (void)argument;
    assert(write(ends[1], large, LARGE) == LARGE);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, write_it, NULL);
    assert(read(ends[0], got, LARGE) == LARGE);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
