/* attack: idle build,races gate 0 runs-unasked | a constructor only in the program for ThreadSanitizer */
#ifdef __SANITIZE_THREAD__
__attribute__((constructor)) static void early(void)
{
    _exit(0);
}
#endif
static void attack(void)
{
}
