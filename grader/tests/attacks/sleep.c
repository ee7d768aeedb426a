/* attack: idle tests open 0 hung | sleeps past its deadline */
static void attack(void)
{
    sleep(3600);
}
