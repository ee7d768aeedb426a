/* attack: idle tests open 0 used.more.CPU.time | 16 processes that compute, each in a session of its own */
static void attack(void)
{
    for (int i = 0; i < 16; i++)
        if (fork() == 0) {
            alarm(12);
            setsid();
            for (volatile int spin = 1; spin;)
                ;
        }
    sleep(12);
}
