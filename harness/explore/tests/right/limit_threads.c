/* expect: right | one thread can be started, a second cannot, by either kind of call; another thread has no limit. Or only the second of three cannot */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <threads.h>

void scenario_limit_threads(unsigned more);
void scenario_miss_thread(unsigned which);
int scenario_count_threads(void);

static void *end(void *a)
{
    return a;
}
static int end_11(void *a)
{
    return a != NULL;
}
static void *start_another(void *a)
{
    pthread_t t;
    assert(pthread_create(&t, NULL, end, a) == 0);
    pthread_join(t, NULL);
    return a;
}
int main(void)
{
    pthread_t t, none;
    thrd_t t_11;
    assert(scenario_count_threads() == 1);
    scenario_limit_threads(1);
    assert(pthread_create(&t, NULL, start_another, NULL) == 0);
    assert(pthread_create(&none, NULL, end, NULL) == EAGAIN);
    assert(thrd_create(&t_11, end_11, NULL) == thrd_error);
    pthread_join(t, NULL);
    assert(scenario_count_threads() == 1);
    scenario_limit_threads(UINT_MAX);
    assert(thrd_create(&t_11, end_11, NULL) == thrd_success);
    assert(scenario_count_threads() <= 2);
    thrd_join(t_11, NULL);
    scenario_miss_thread(2);
    assert(pthread_create(&t, NULL, end, NULL) == 0);
    assert(thrd_create(&t_11, end_11, NULL) == thrd_error);
    assert(thrd_create(&t_11, end_11, NULL) == thrd_success);
    pthread_join(t, NULL);
    thrd_join(t_11, NULL);
    return 0;
}
