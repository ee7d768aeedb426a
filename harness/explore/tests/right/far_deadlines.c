/* expect: right | for ever as a moment or a length that no clock reaches; whoever comes back looks again */
#define _GNU_SOURCE
#include <assert.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready, fd;
static atomic_int word;

static void *wait_until_doomsday(void *argument)
{
    pthread_mutex_lock(&lock);
    while (!ready)
        pthread_cond_timedwait(&cond, &lock, &(struct timespec){.tv_sec = (time_t)1 << 60});
    pthread_mutex_unlock(&lock);
    return argument;
}

static void *poll_for_ages(void *argument)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    while (ppoll(&item, 1, &(struct timespec){.tv_sec = INT_MAX}, NULL) != 1)
        ;
    while (atomic_load(&word) == 0)
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &(struct timespec){.tv_sec = LONG_MAX}, NULL, 0);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    fd = eventfd(0, 0);
    pthread_create(&one, NULL, wait_until_doomsday, NULL);
    pthread_create(&other, NULL, poll_for_ages, NULL);
    nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    pthread_mutex_lock(&lock);
    ready = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
    eventfd_write(fd, 1);
    atomic_store(&word, 1);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert(now.tv_sec < 100000);
    close(fd);
    return 0;
}
