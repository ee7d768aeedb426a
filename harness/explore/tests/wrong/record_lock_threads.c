/* expect: data race | a record lock does not keep apart threads of one process */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static int file, number;

static void *add(void *unused)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    fcntl(file, F_SETLKW, &lock);
    number++;
    lock.l_type = F_UNLCK;
    fcntl(file, F_SETLKW, &lock);
    return unused;
}

int main(void)
{
    pthread_t thread;
    file = memfd_create("lock", 0);
    pthread_create(&thread, NULL, add, NULL);
    add(NULL);
    pthread_join(thread, NULL);
    return 0;
}
