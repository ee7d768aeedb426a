/* attack: idle tests gate 0 - | overrides that are hidden, protected and internal */
__attribute__((visibility("hidden"))) ssize_t write(int fd, const void *from, size_t n)
{
    (void)fd;
    (void)from;
    return (ssize_t)n;
}
__attribute__((visibility("protected"))) void free(void *memory)
{
    (void)memory;
}
__attribute__((visibility("internal"))) int close(int fd)
{
    return fd - fd;
}
static void attack(void)
{
}
