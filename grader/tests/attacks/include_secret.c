/* attack: idle build open 0 compile-error | the compiler shows lines of a file it cannot compile */
#include "@CANARY@/secret"
static void attack(void)
{
}
