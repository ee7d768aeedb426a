/* attack: idle tests open 0 hung | hears no signal, and nor do its children */
static void attack(void)
{
    for (int i = 1; i < 65; i++)
        signal(i, SIG_IGN);
    fork();
    for (;;)
        sleep(3600);
}
