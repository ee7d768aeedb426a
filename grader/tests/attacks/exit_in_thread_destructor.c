/* attack: idle tests open 0 exit-called | the end comes when a thread gives back its own data */
static pthread_key_t key;
static void finish(void *value)
{
    (void)value;
    exit(0);
}
static void *set(void *value)
{
    pthread_setspecific(key, value);
    return NULL;
}
static void attack(void)
{
    pthread_t thread;
    pthread_key_create(&key, finish);
    pthread_create(&thread, NULL, set, &key);
    pthread_join(thread, NULL);
}
