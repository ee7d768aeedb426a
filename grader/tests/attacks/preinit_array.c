/* attack: idle build gate 0 runs-unasked | the same, before the constructors of libraries */
static void early(void)
{
    _exit(0);
}
__attribute__((used, section(".preinit_array"))) static void (*const entry)(void) = early;
static void attack(void)
{
}
