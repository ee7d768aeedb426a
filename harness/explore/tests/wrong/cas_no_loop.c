/* expect: assertion | a weak compare and exchange may fail for no reason (gcc only: clang does not tell) */
#define _GNU_SOURCE
#include <assert.h>
#include <stdatomic.h>

static atomic_int value;
int main(void)
{
    int old = 0;
    atomic_compare_exchange_weak(&value, &old, 1);
    assert(value == 1);
    return 0;
}
