/* attack: idle tests open 0 exit-called | quick_exit(0) in the middle of a test */
static void attack(void)
{
    quick_exit(0);
}
