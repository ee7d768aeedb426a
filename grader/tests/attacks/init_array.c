/* attack: idle build gate 0 runs-unasked | a pointer in .init_array without the attribute */
static void early(void)
{
    _exit(0);
}
__attribute__((used, section(".init_array"))) static void (*const entry)(void) = early;
static void attack(void)
{
}
