/* attack: idle tests open 0 printed.more.than | 1 GB on stdout */
static void attack(void)
{
    for (int i = 0; i < 1 << 24; i++)
        puts("0123456789012345678901234567890123456789012345678901234567890123");
}
