/* expect: tests same time; schedules data-race | the state of a count stands in static variables that two counts share */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct counter
{
    pthread_mutex_t mutex;
    int64_t count;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof(struct counter));
    if (counter == NULL)
        return NULL;
    memset(counter, 0, sizeof(struct counter));
    pthread_mutex_init(&counter->mutex, NULL);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->mutex);
    free(counter);
}

void counter_increment(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    ++(counter->count);
    pthread_mutex_unlock(&counter->mutex);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->mutex);
    counter->count = counter->count + amount;
    pthread_mutex_unlock(&counter->mutex);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    int64_t ret = counter->count;
    pthread_mutex_unlock(&counter->mutex);
    return ret;
}

#define MAX_THREADS 64

static counter_predicate *g_predicate;
static int64_t g_n;
static int g_threads;
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t g_total; /* always under g_mutex */

static void *thread_main(void *arg)
{
    int id = (int)(intptr_t)arg;
    int64_t local = 0;
    for (int64_t i = id; i < g_n; i += g_threads)
        if (g_predicate(i))
            local++;
    pthread_mutex_lock(&g_mutex);
    g_total += local;
    pthread_mutex_unlock(&g_mutex);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t tids[MAX_THREADS];
    int i, failed = 0;

    g_predicate = predicate;
    g_n = n;
    g_threads = threads == 0 ? 1 : (int)threads;
    g_total = 0;
    const int all = g_threads;
    for (i = 0; i < all; i++) {
        if (pthread_create(&tids[i], NULL, thread_main, (void *)(intptr_t)i) != 0) {
            failed = 1;
            break;
        }
    }
    while (--i >= 0)
        pthread_join(tids[i], NULL);
    return failed ? -1 : g_total;
}
