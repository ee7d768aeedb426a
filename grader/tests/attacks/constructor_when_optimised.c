/* attack: idle build,speedup gate 0 runs-unasked | a constructor only where the compiler optimises */
#ifdef __OPTIMIZE__
__attribute__((constructor)) static void early(void)
{
    _exit(0);
}
#endif
static void attack(void)
{
}
