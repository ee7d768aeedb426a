/* attack: idle build,schedules gate 0 name-taken | functions of ThreadSanitizer that only this file sees, and the compiler calls */
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
