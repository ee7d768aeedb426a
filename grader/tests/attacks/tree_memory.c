/* attack: idle tests open 0 needed.more.memory | 50 processes of 20 MB: each is far below its own limit */
static void attack(void)
{
    for (int i = 0; i < 50; i++)
        if (fork() == 0) {
            char *p = malloc(20 << 20);
            alarm(8);
            memset(p, 1, 20 << 20);
            for (;;)
                pause();
        }
    sleep(8);
}
