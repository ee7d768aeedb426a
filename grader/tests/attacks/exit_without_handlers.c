/* attack: idle tests open 0 exit-called | _exit(0) in the middle of a test */
static void attack(void)
{
    _exit(0);
}
