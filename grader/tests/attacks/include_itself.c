/* attack: idle build open 0 compile-error | includes itself without end */
#include __FILE__
static void attack(void)
{
}
