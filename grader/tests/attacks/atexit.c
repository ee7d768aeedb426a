/* attack: idle build gate 0 call-not-allowed | a handler that ends the failed test with status 0 */
static void leave(void)
{
    _exit(0);
}
static void attack(void)
{
    atexit(leave);
}
