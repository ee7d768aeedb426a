/* attack: idle build,speedup gate 0 assembly-not-allowed | assembly that is there only where the compiler optimises */
static void attack(void)
{
    int status = 0;
    if (__builtin_constant_p(status))
        __asm__ volatile("syscall" : : "a"(231), "D"(status) : "rcx", "r11", "memory");
}
