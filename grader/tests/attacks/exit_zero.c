/* attack: idle tests open 0 exit-called | exit(0) in the middle of a test */
static void attack(void)
{
    exit(0);
}
