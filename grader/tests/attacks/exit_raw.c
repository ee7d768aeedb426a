/* attack: idle tests open 0 exit-called | the kernel is asked for the end directly */
static void attack(void)
{
    syscall(SYS_exit_group, 0);
}
