/* expect: right | writes above PIPE_BUF in parts, small ones as a whole, and a nonblocking one that fits in part */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 100000, SMALL = 8, SMALLS = 4 };

static int ends[2], pair[2];
static char large[LARGE], got[LARGE];

static void *write_all(void *argument)
{
    (void)argument;
    for (int i = 0; i < SMALLS; i++)
        assert(write(ends[1], "message", SMALL) == SMALL);
    assert(write(ends[1], large, LARGE) == LARGE); /* blocks until it is done */
    assert(send(pair[0], "01234567", SMALL, 0) == SMALL);
    return NULL;
}

static void read_all(int from, char *into, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t piece = read(from, into + done, size - done);
        assert(piece > 0);
        done += (size_t)piece;
    }
}

static void fill(int to)
{
    size_t put = 0;
    ssize_t piece;
    fcntl(to, F_SETFL, O_NONBLOCK);
    while ((piece = write(to, large, LARGE)) > 0)
        put += (size_t)piece;
    assert(piece == -1 && errno == EAGAIN && put >= 4096 && put <= 1 << 20);
    assert(write(to, large, 4096) == -1 && errno == EAGAIN); /* not in part */
}

int main(void)
{
    pthread_t thread;
    char message[SMALL];
    memset(large, 'l', LARGE);
    assert(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_create(&thread, NULL, write_all, NULL);
    for (int i = 0; i < SMALLS; i++)
        assert(read(ends[0], message, SMALL) == SMALL && strcmp(message, "message") == 0);
    read_all(ends[0], got, LARGE);
    assert(memcmp(got, large, LARGE) == 0);
    read_all(pair[1], message, SMALL);
    assert(memcmp(message, "01234567", SMALL) == 0);
    pthread_join(thread, NULL);
    fill(ends[1]);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(pair[i]);
    }
    return 0;
}
