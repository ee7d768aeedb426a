/* attack: idle tests gate 0 - | an alias takes the name of a function of the harness */
static void nothing(const char *line, size_t n)
{
    (void)line;
    (void)n;
}
void receipt_write(const char *line, size_t n) __attribute__((alias("nothing")));
static void attack(void)
{
}
