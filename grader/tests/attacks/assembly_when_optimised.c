/* attack: idle build,speedup gate 0 assembly-not-allowed | assembly that is there only where the compiler optimises */
static void attack(void)
{
#ifdef __OPTIMIZE__
    __asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
#endif
}
