/* attack: idle build open 0 compile-error | the next file of this name after the lab's, which is a secret */
#include_next <../../../../..@CANARY@/secret>
static void attack(void)
{
}
