/* attack: idle tests gate 0 - | a write with the version that libc's has */
__attribute__((symver("write@@GLIBC_2.2.5"))) ssize_t innocent(int fd, const void *from, size_t n)
{
    (void)fd;
    (void)from;
    return (ssize_t)n;
}
static void attack(void)
{
}
