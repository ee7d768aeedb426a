/* expect: right | a wake for one bit reaches only who waits with that bit, however many others wait on the same word */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint turn;

static void *wait_for_turn(void *argument)
{
    const uint32_t mine = (uint32_t)(uintptr_t)argument;
    uint32_t seen;
    while ((seen = atomic_load(&turn)) != mine)
        syscall(SYS_futex, &turn, FUTEX_WAIT_BITSET_PRIVATE, seen, NULL, NULL, 1u << mine);
    atomic_store(&turn, mine + 1);
    syscall(SYS_futex, &turn, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 1u << (mine + 1));
    return NULL;
}

int main(void)
{
    pthread_t t[3];
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, wait_for_turn, (void *)(i + 1));
    atomic_store(&turn, 1);
    syscall(SYS_futex, &turn, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 1u << 1);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    assert(atomic_load(&turn) == 4);
    assert(syscall(SYS_futex, &turn, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
    return 0;
}
