/* attack: idle tests open 0 exit-called | _Exit(0) in the middle of a test */
static void attack(void)
{
    _Exit(0);
}
