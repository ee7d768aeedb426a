/* attack: idle build gate 0 runs-unasked | a resolver runs while the program is loaded */
static void nothing(void)
{
}
static void (*resolve(void))(void)
{
    return nothing;
}
void chosen(void) __attribute__((ifunc("resolve")));
static void attack(void)
{
    chosen();
}
