/* attack: idle build open 0 compile-error | a macro that becomes 2^34 words */
#define A(x) x x x x x x x x x x x x x x x x
#define B(x) A(A(A(A(x))))
#define C(x) B(B(x))
static void attack(void)
{
    C(0;) C(0;)
}
