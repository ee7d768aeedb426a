/* expect: right | every size and operation */
#define _GNU_SOURCE
#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define TRY(type)                                                                                                      \
    do {                                                                                                               \
        static _Atomic type v = 5;                                                                                     \
        assert(atomic_fetch_add(&v, 3) == 5 && atomic_fetch_sub(&v, 1) == 8 && atomic_fetch_or(&v, 8) == 7);           \
        assert(atomic_fetch_and(&v, 12) == 15 && atomic_fetch_xor(&v, 1) == 12 && atomic_exchange(&v, 2) == 13);       \
        type old = 1;                                                                                                  \
        assert(!atomic_compare_exchange_strong(&v, &old, 9) && old == 2);                                              \
        assert(atomic_compare_exchange_strong(&v, &old, 9) && atomic_load(&v) == 9);                                   \
        assert(__atomic_fetch_nand((type *)&v, 1, __ATOMIC_SEQ_CST) == 9 && (type)atomic_load(&v) == (type)-2);        \
    } while (0)
int main(void)
{
    TRY(uint8_t);
    TRY(uint16_t);
    TRY(uint32_t);
    TRY(uint64_t);
    atomic_signal_fence(memory_order_seq_cst);
    return 0;
}
