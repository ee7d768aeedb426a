/* attack: idle build gate 0 assembly-not-allowed | exit_group without a symbol */
static void attack(void)
{
    __asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
}
