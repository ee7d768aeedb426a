/* attack: idle tests open 0 - | threads, as many as there may be */
static void *stay(void *unused)
{
    sleep(20);
    return unused;
}
static void attack(void)
{
    pthread_t thread;
    for (int i = 0; i < 20000; i++)
        if (pthread_create(&thread, NULL, stay, NULL) != 0)
            break;
}
