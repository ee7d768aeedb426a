/* attack: idle build open 0 compile-error | functions that become 2^40 copies of one another */
#define TWICE(name, of)                                                                                                \
    static inline __attribute__((always_inline)) int name(int x)                                                       \
    {                                                                                                                  \
        return of(x) + of(x + 1);                                                                                      \
    }
static inline __attribute__((always_inline)) int f0(int x)
{
    return x ^ getpid();
}
TWICE(f1, f0)
TWICE(f2, f1) TWICE(f3, f2) TWICE(f4, f3) TWICE(f5, f4) TWICE(f6, f5) TWICE(f7, f6) TWICE(f8, f7) TWICE(g1, f8)
    TWICE(g2, g1) TWICE(g3, g2) TWICE(g4, g3) TWICE(g5, g4) TWICE(g6, g5) TWICE(g7, g6) TWICE(g8, g7) TWICE(h1, g8)
        TWICE(h2, h1) TWICE(h3, h2) TWICE(h4, h3) TWICE(h5, h4) TWICE(h6, h5) TWICE(h7, h6) TWICE(h8, h7) TWICE(i1, h8)
            TWICE(i2, i1) TWICE(i3, i2) TWICE(i4, i3) TWICE(i5, i4) TWICE(i6, i5) TWICE(i7, i6)
                TWICE(i8, i7) static void attack(void)
{
    exit(i8(1));
}
