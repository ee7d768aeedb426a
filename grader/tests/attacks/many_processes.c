/* attack: idle tests open 0 - | 40 children that want to stay */
static void attack(void)
{
    for (int i = 0; i < 40; i++)
        if (fork() == 0) {
            alarm(5);
            setsid();
            for (;;)
                pause();
        }
}
