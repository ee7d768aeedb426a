/* attack: idle build open 0 compile-error | another name for this file, and then the file of that name */
#line 1 "@CANARY@/secret"
#include __FILE__
static void attack(void)
{
}
