/* attack: idle build,speedup gate 0 - | a clock that stands still */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){0};
    return 0;
}
static void attack(void)
{
}
