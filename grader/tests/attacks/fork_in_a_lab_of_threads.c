/* attack: idle build gate 0 call-not-allowed | a child goes on where the test fails */
static void attack(void)
{
    if (fork() > 0)
        _exit(0);
}
