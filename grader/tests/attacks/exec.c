/* attack: idle build gate 0 call-not-allowed | another program ends well in its place */
static void attack(void)
{
    execl("/bin/true", "true", NULL);
}
