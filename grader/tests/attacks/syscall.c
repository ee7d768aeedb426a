/* attack: idle build gate 0 call-not-allowed | exit_group through syscall() */
static void attack(void)
{
    syscall(SYS_exit_group, 0);
}
