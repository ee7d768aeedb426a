/* attack: idle tests open 0 crashed | a stack without end */
static int deep(volatile char *above)
{
    volatile char frame[4096];
    frame[0] = above[0];
    return deep(frame) + frame[0];
}
static void attack(void)
{
    char byte = 0;
    deep(&byte);
}
