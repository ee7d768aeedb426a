/* attack: idle tests open 0 exit-called | another thread ends the program */
static void *leave(void *unused)
{
    (void)unused;
    quick_exit(0);
}
static void attack(void)
{
    pthread_t t;
    pthread_create(&t, NULL, leave, NULL);
    pthread_join(t, NULL);
}
