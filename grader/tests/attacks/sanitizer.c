/* attack: idle build gate 0 name-taken | functions of ThreadSanitizer that report nothing */
void __tsan_read8(void *p);
void __tsan_read8(void *p)
{
    (void)p;
}
static void attack(void)
{
}
