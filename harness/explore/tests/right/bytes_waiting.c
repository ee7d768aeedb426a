/* expect: right | ioctl with FIONREAD: as many bytes as were written, and who is told so has what came before them */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int ends[2], written;

static void *write_both(void *unused)
{
    written = 2;
    assert(write(ends[1], "ab", 2) == 2);
    return unused;
}

static int less(const void *one, const void *other, void *sign)
{
    return *(const int *)sign * (*(const char *)one - *(const char *)other);
}

int main(void)
{
    pthread_t thread;
    char bytes[2];
    int count = 0, sign = -1;
    assert(pipe(ends) == 0 && ioctl(99, FIONREAD, &count) == -1);
    pthread_create(&thread, NULL, write_both, NULL);
    assert(ioctl(ends[0], FIONREAD, &count) == 0 && (count == 0 || count == 2));
    if (count != 0)
        assert(written == 2);
    assert(read(ends[0], bytes, 2) == 2 && ioctl(ends[0], FIONREAD, &count) == 0 && count == 0);
    assert(ioctl(ends[0], FIONBIO, &(int){1}) == 0 && read(ends[0], bytes, 1) == -1);
    qsort_r(bytes, 2, 1, less, &sign);
    assert(bytes[0] == 'b' && bytes[1] == 'a');
    pthread_join(thread, NULL);
    return 0;
}
