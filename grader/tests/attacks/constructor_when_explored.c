/* attack: idle schedules gate 0 runs-unasked | a constructor only in the program for the explorer */
#ifndef __PIE__
__attribute__((constructor)) static void early(void)
{
    _exit(0);
}
#endif
static void attack(void)
{
}
