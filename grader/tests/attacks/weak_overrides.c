/* attack: idle tests gate 0 - | the same, weak: the linker does not complain of two */
#pragma weak receipt_write
#pragma weak read
#pragma weak pthread_mutex_lock
void receipt_write(const char *line, size_t n)
{
    (void)line;
    (void)n;
}
ssize_t read(int fd, void *to, size_t n)
{
    (void)fd;
    (void)to;
    return (ssize_t)n;
}
__attribute__((weak)) void *realloc(void *old, size_t n)
{
    (void)n;
    return old;
}
__attribute__((weak)) int nanosleep(const struct timespec *a, struct timespec *b)
{
    (void)a;
    (void)b;
    return 0;
}
static void attack(void)
{
}
