/* attack: idle speedup open 0 - | threads and orphans that keep the processors busy when it is the baseline's turn */
static void *spin(void *unused)
{
    for (const time_t end = time(NULL) + 3; time(NULL) < end;)
        ;
    return unused;
}
static void attack(void)
{
    pthread_t thread;
    if (fork() == 0) {
        setsid();
        if (fork() == 0)
            spin(NULL);
        _exit(0);
    }
    for (int i = 0; i < 8; i++)
        pthread_create(&thread, NULL, spin, NULL);
}
