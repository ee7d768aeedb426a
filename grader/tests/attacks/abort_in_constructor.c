/* attack: idle build gate 0 runs-unasked | a constructor with a priority, which lies in another section */
__attribute__((constructor(101))) static void early(void)
{
    raise(SIGKILL);
}
static void attack(void)
{
}
