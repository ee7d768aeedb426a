/* expect: tests side; schedules assertion | the workers are threads: a crash in one ends the caller */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>

struct pool {
    unsigned n;
    pthread_t threads[64];
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    bool closing;
    pool_fn *fn;
    const int64_t *inputs;
    int64_t *outputs;
    size_t next, count, done;
};

static void *work(void *arg)
{
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->next == p->count && !p->closing)
            pthread_cond_wait(&p->work, &p->lock);
        if (p->closing)
            break;
        size_t i = p->next++;
        pthread_mutex_unlock(&p->lock);
        p->outputs[i] = p->fn(p->inputs[i]);
        pthread_mutex_lock(&p->lock);
        if (++p->done == p->count)
            pthread_cond_signal(&p->idle);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    p->n = workers;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->idle, NULL);
    for (unsigned i = 0; i < workers; i++)
        pthread_create(&p->threads[i], NULL, work, p);
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->inputs = inputs;
    p->outputs = outputs;
    p->next = p->done = 0;
    p->count = count;
    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    pthread_cond_broadcast(&p->work);
    while (p->done < count)
        pthread_cond_wait(&p->idle, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n; i++)
        pthread_join(p->threads[i], NULL);
    free(p);
}
