/* expect: tests lost; schedules data-race | increment and add take different locks for one value */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

enum which { INCREMENT, ADD, LOCKS };

/* Increments are frequent and additions are rare. With a lock each they do not stand in each
   other's way. */
struct counter {
    pthread_mutex_t locks[LOCKS];
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof(struct counter));
    if (c == NULL)
        return NULL;
    for (int i = 0; i < LOCKS; ++i)
        pthread_mutex_init(&c->locks[i], NULL);
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    for (int i = LOCKS; i > 0; --i)
        pthread_mutex_destroy(&c->locks[i - 1]);
    free(c);
}

static int64_t locked(struct counter *c, enum which lock, int64_t plus)
{
    pthread_mutex_lock(&c->locks[lock]);
    c->value += plus;
    const int64_t value = c->value;
    pthread_mutex_unlock(&c->locks[lock]);
    return value;
}

void counter_increment(struct counter *c)           { (void)locked(c, INCREMENT, 1); }
void counter_add(struct counter *c, int64_t amount) { (void)locked(c, ADD, amount); }
int64_t counter_value(struct counter *c)            { return locked(c, ADD, 0); }

/* --- */

typedef struct portion {
    struct portion *next;
    pthread_t thread;
    counter_predicate *predicate;
    int64_t start, count, hits;
} portion;

static void *eat(void *p)
{
    portion *mine = p;
    int64_t hits = 0;
    for (int64_t i = 0; i < mine->count; ++i)
        hits += mine->predicate(mine->start + i) != false;
    mine->hits = hits;
    return NULL;
}

static int64_t collect(portion *list)
{
    int64_t hits = 0;
    while (list != NULL) {
        portion *next = list->next;
        pthread_join(list->thread, NULL);
        hits += list->hits;
        free(list);
        list = next;
    }
    return hits;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    portion *list = NULL;
    int64_t given = 0;
    for (int64_t left = threads == 0 ? 1 : threads; left > 0; --left) {
        portion *p = malloc(sizeof *p);
        if (p == NULL)
            break;
        *p = (portion){.next = list, .predicate = predicate, .start = given, .count = (n - given) / left};
        if (pthread_create(&p->thread, NULL, eat, p) != 0) {
            free(p);
            break;
        }
        given += p->count;
        list = p;
    }
    const int64_t hits = collect(list);
    return given == n ? hits : -1;
}
