/* attack: idle tests open 0 - | the last thread to leave ends a program with status 0 */
static void attack(void)
{
    pthread_exit(NULL);
}
