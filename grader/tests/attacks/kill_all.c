/* attack: idle tests open 0 - | kills its parent, the first process, everybody */
static void attack(void)
{
    kill(1, SIGKILL);
    kill(getppid(), SIGKILL);
    kill(-1, SIGKILL);
    raise(SIGKILL);
}
