/* attack: idle build open 0 compile-error | the tests, by the way they lie beside the hand-in */
#include "../lab/tests.c"
static void attack(void)
{
}
