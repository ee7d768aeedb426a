/* expect: livelock | a thread that should sleep looks every millisecond: scenario_settle sees that it finds no rest */
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

void scenario_settle(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool go;

static bool may_go(void)
{
    pthread_mutex_lock(&lock);
    const bool may = go;
    pthread_mutex_unlock(&lock);
    return may;
}

static void *wait_to_go(void *argument)
{
    while (!may_go())
        usleep(1000);
    return argument;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_to_go, NULL);
    scenario_settle();
    pthread_mutex_lock(&lock);
    go = true;
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    return 0;
}
