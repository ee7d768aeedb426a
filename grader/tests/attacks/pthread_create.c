/* attack: idle tests gate 0 - | a pthread_create that starts nothing */
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x)
{
    (void)t;
    (void)a;
    (void)f;
    (void)x;
    return 0;
}
static void attack(void)
{
}
