/* expect: lost wake-up | does not remember that a third may wait */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
static atomic_int state; /* 0 free, 1 taken, 2 taken and somebody may wait */
static int value;
static void lock(void)
{
    int zero = 0;
    while (!atomic_compare_exchange_strong(&state, &zero, 1)) {
        int one = 1;
        atomic_compare_exchange_strong(&state, &one, 2);
        syscall(SYS_futex, &state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
        zero = 0;
    }
}
static void unlock(void)
{
    if (atomic_exchange(&state, 0) == 2)
        syscall(SYS_futex, &state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
static void *work(void *a)
{
    lock();
    value++;
    unlock();
    return a;
}
int main(void)
{
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    return 0;
}
