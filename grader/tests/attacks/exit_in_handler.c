/* attack: idle tests open 0 exit-called | the end comes from a signal handler */
static void finish(int number)
{
    (void)number;
    _exit(0);
}
static void attack(void)
{
    signal(SIGALRM, finish);
    raise(SIGALRM);
}
