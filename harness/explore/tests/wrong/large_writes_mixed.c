/* expect: assertion | two writers of more than PIPE_BUF bytes: their parts mix */
#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 8192 };

static int ends[2];

static void *write_it(void *letter)
{
    char large[LARGE];
    memset(large, *(const char *)letter, LARGE);
    assert(write(ends[1], large, LARGE) == LARGE);
    return NULL;
}

static void read_one(char *into)
{
    for (size_t done = 0; done < LARGE;)
        done += (size_t)read(ends[0], into + done, LARGE - done);
}

int main(void)
{
    static char got[LARGE];
    pthread_t one, other;
    assert(pipe(ends) == 0);
    pthread_create(&one, NULL, write_it, "a");
    pthread_create(&other, NULL, write_it, "b");
    for (int i = 0; i < 2; i++) {
        read_one(got);
        assert(got[0] == got[LARGE - 1]);
    }
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
