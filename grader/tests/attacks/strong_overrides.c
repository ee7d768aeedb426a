/* attack: idle tests gate 0 - | functions of harness, Criterion, libc, pthread and clock, all replaced */
#undef assert
void criterion_test_die(const char *message)
{
    (void)message;
}
int cr_assert_eq_failed = 1;
void receipt_write(const char *line, size_t n)
{
    (void)line;
    (void)n;
}
const char *receipt_nonce(void)
{
    return "";
}
void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
    (void)what;
    (void)file;
    (void)line;
    (void)function;
    for (;;)
        ;
}
int strcmp(const char *a, const char *b)
{
    (void)a;
    (void)b;
    return 0;
}
int pthread_join(pthread_t thread, void **value)
{
    (void)thread;
    (void)value;
    return 0;
}
time_t time(time_t *t)
{
    (void)t;
    return 0;
}
int __wrap_exit, __real_exit;
static void attack(void)
{
    (void)strcmp("a", "b");
    (void)time(NULL);
}
