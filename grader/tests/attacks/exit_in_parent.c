/* attack: idle tests open 0 exit-called | ends well, and leaves the test to a child */
static void attack(void)
{
    if (fork() > 0)
        _exit(0);
    alarm(5);
}
