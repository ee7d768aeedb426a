/* attack: idle build gate 0 main-defined | a main that C does not know as such */
int innocent(void) __asm__("main");
int innocent(void)
{
    return 0;
}
static void attack(void)
{
}
