/* attack: idle tests open 0 crashed | abort in the middle of a test */
static void attack(void)
{
    abort();
}
