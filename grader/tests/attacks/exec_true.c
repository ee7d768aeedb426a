/* attack: idle tests open 0 exit-called | another program ends well in its place */
static void attack(void)
{
    execl("/bin/true", "true", NULL);
}
