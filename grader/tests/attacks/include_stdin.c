/* attack: idle build open 0 compile-error | waits for the terminal */
#include "/dev/stdin"
int x = ;
static void attack(void)
{
}
