/* attack: idle tests open 0 limit:.64.MiB,.used:.more.than.64.MiB,.stage:.tests | 1 GB on stdout */
static void attack(void)
{
    for (int i = 0; i < 1 << 24; i++)
        puts("0123456789012345678901234567890123456789012345678901234567890123");
}
