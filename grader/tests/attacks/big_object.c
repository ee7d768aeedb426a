/* attack: idle build open 0 compile-error | an object file that fills the disk */
int big[1 << 28] = {1};
static void attack(void)
{
}
