/* attack: idle tests open 0 had.more.processes | a fork bomb whose parts each leave the session; for 3 s */
static void attack(void)
{
    const time_t end = time(NULL) + 3;
    while (time(NULL) < end)
        if (fork() == 0) {
            alarm(5);
            setsid();
        }
    _exit(0);
}
