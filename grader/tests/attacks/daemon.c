/* attack: idle tests open 0 - | a process that left its session and its parent, and ignores signals */
static void attack(void)
{
    if (fork() != 0)
        return;
    setsid();
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (fork() == 0) {
        setsid();
        signal(SIGALRM, SIG_DFL);
        alarm(20);
        for (;;)
            pause();
    }
    _exit(0);
}
