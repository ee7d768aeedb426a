/* attack: idle tests open 0 crashed | ends itself by a signal that is no crash */
static void attack(void)
{
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
}
