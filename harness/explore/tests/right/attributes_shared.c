/* expect: right | the attributes that all share are made once, and then only read, by several threads at once */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

static pthread_condattr_t of_conditions;
static pthread_mutexattr_t of_mutexes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_attributes(void)
{
    pthread_condattr_init(&of_conditions);
    pthread_condattr_setclock(&of_conditions, CLOCK_MONOTONIC);
    pthread_condattr_setpshared(&of_conditions, PTHREAD_PROCESS_PRIVATE);
    pthread_mutexattr_init(&of_mutexes);
    pthread_mutexattr_settype(&of_mutexes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setprotocol(&of_mutexes, PTHREAD_PRIO_NONE);
    pthread_mutexattr_setpshared(&of_mutexes, PTHREAD_PROCESS_PRIVATE);
    pthread_mutexattr_setrobust(&of_mutexes, PTHREAD_MUTEX_STALLED);
}

static void *use(void *argument)
{
    pthread_cond_t condition;
    pthread_mutex_t mutex;
    pthread_once(&once, make_attributes);
    pthread_cond_init(&condition, &of_conditions);
    pthread_mutex_init(&mutex, &of_mutexes);
    pthread_mutex_destroy(&mutex);
    pthread_cond_destroy(&condition);
    return argument;
}

int main(void)
{
    pthread_t other;
    pthread_create(&other, NULL, use, NULL);
    use(NULL);
    pthread_join(other, NULL);
    pthread_condattr_destroy(&of_conditions);
    pthread_mutexattr_destroy(&of_mutexes);
    return 0;
}
