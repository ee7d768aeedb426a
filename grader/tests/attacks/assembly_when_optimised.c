/* attack: idle build,speedup gate 0 assembly-not-allowed | assembly that is there only where the compiler optimises */
static int one(void)
{
    return 1;
}
static void attack(void)
{
    if (__builtin_constant_p(one()))
        __asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
}
