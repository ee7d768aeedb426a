/* attack: idle tests gate 0 - | a weak write, which no linker complains of */
__attribute__((weak)) ssize_t write(int fd, const void *from, size_t n)
{
    (void)fd;
    (void)from;
    return (ssize_t)n;
}
static void attack(void)
{
}
