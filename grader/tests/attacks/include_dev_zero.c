/* attack: idle build open 0 compile-error | a file without end */
#include "/dev/zero"
static void attack(void)
{
}
