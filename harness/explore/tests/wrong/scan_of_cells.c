/* expect: assertion | a reader empties cells into a total, another finds them empty and the total not yet raised: its scan is no loop that waits */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

enum { CELLS = 8 };

static _Atomic long cells[CELLS], total;

static long value(void)
{
    for (int i = 0; i < CELLS; i++) {
        const long pending = atomic_exchange(&cells[i], 0);
        if (pending != 0)
            atomic_fetch_add(&total, pending);
    }
    return atomic_load(&total);
}

static void *read_it(void *argument)
{
    assert(value() == 6);
    return argument;
}

int main(void)
{
    pthread_t thread;
    atomic_store(&cells[1], 6);
    pthread_create(&thread, NULL, read_it, NULL);
    read_it(NULL);
    pthread_join(thread, NULL);
    return 0;
}
