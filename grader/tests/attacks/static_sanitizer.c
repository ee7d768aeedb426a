/* attack: idle build,schedules gate 0 name-taken | static functions of ThreadSanitizer: the compiler calls them */
__attribute__((used)) static void __tsan_read8(void *p)
{
    (void)p;
}
__attribute__((used)) static void __tsan_write8(void *p)
{
    (void)p;
}
static void attack(void)
{
}
