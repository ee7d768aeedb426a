/* attack: racy schedules gate 8 - | a mutex of the explorer's own name, that does nothing but break its link */
int x_pthread_mutex_lock(pthread_mutex_t *m)
{
    (void)m;
    return 0;
}
int x_malloc;
int main_of_explorer __asm__("x_calloc");
static void attack(void)
{
}
