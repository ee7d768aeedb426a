/* expect: tests hang; schedules deadlock | counter_count joins its threads with the lock held that they need to hand in their sums */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    int64_t value;
    pthread_mutex_t lock;
};

struct task {
    counter_predicate *predicate;
    int64_t next, end;   /* what is left to hand out */
    int64_t total;
    pthread_mutex_t lock; /* guards all of the above */
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    c->value = 0;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c != NULL) {
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

void counter_increment(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    ++c->value;
    pthread_mutex_unlock(&c->lock);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->lock);
    c->value += amount;
    pthread_mutex_unlock(&c->lock);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t copy = c->value;
    pthread_mutex_unlock(&c->lock);
    return copy;
}

static void *helper(void *argument)
{
    enum { BLOCK = 1000 };
    struct task *task = argument;
    int64_t mine = 0;
    pthread_mutex_lock(&task->lock);
    while (task->next < task->end) {
        int64_t from = task->next, to = from + BLOCK < task->end ? from + BLOCK : task->end;
        task->next = to;
        pthread_mutex_unlock(&task->lock);
        while (from < to)
            mine += task->predicate(from++);
        pthread_mutex_lock(&task->lock);
    }
    task->total += mine;
    pthread_mutex_unlock(&task->lock);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct task task = {.predicate = predicate, .end = n};
    pthread_t *ids = malloc((threads + 1) * sizeof *ids);
    unsigned started = 0;
    int64_t result;
    if (ids == NULL)
        return -1;
    pthread_mutex_init(&task.lock, NULL);
    while (started + 1 < threads && pthread_create(&ids[started], NULL, helper, &task) == 0)
        started++;
    helper(&task); /* the caller is one of them */
    pthread_mutex_lock(&task.lock); /* total is shared: read it under the lock */
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    result = task.total;
    pthread_mutex_unlock(&task.lock);
    pthread_mutex_destroy(&task.lock);
    free(ids);
    return result;
}
