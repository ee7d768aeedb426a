/* attack: idle tests open 0 - | every descriptor there is */
static void attack(void)
{
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
}
