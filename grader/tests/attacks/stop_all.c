/* attack: idle tests open 0 hung | stops everybody, itself too */
static void attack(void)
{
    kill(1, SIGSTOP);
    kill(getppid(), SIGSTOP);
    kill(-1, SIGSTOP);
    kill(0, SIGSTOP);
}
