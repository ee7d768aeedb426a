/* attack: idle build open 0 compile-error | the compiler shows the line of another file that an error is said to be in
 */
static void attack(void)
{
}
#line 1 "@CANARY@/secret"
int x = ;
