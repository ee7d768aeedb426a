/* attack: idle build open 0 runs-unasked | a destructor with a priority, where all calls are allowed */
__attribute__((destructor(65535))) static void late(void)
{
    quick_exit(0);
}
static void attack(void)
{
}
