/* attack: idle tests open 0 wrote.a.larger.file | one file of a terabyte */
static void attack(void)
{
    const int fd = open("/tmp/huge", O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, (off_t)1 << 40) == 0)
        puts("ATTACK SUCCEEDED");
}
