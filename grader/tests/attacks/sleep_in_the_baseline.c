/* attack: idle speedup gate 0 - | functions that a baseline calls, made slow */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){0};
    return usleep(100000);
}
void *memcpy(void *to, const void *from, size_t n)
{
    usleep(1000);
    return memmove(to, from, n);
}
int bench_main(void)
{
    return usleep(1000000);
}
static void attack(void)
{
}
