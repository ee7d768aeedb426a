/*
 * scenarios.c: lab03 in the schedule explorer (harness/explore/scenario.h).
 *
 * The queue's scenarios are searched to the end. The crawler's run it on a tiny site in memory, with a stand-in for
 * libcurl (fake_site.h): there are too many schedules to see all, so a mix of them is tried.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crawler.h"
#include "scenario.h"

/* ---- the queue ---- */

struct hand {
    struct crawler_queue *queue;
    uintptr_t item;       /* to put; or what was got, 0: nothing */
    atomic_int completed; /* puts or gets that have returned */
    bool worked;
};

static struct crawler_queue *create(size_t capacity)
{
    struct crawler_queue *queue = crawler_queue_create(capacity);
    scenario_expect(queue != NULL, "crawler_queue_create returns NULL although there is memory");
    return queue;
}

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    scenario_expect(pthread_create(&thread, NULL, function, argument) == 0, "no thread could be started");
    return thread;
}

static uintptr_t get_item(struct crawler_queue *queue)
{
    void *item = NULL;
    scenario_expect(crawler_queue_get(queue, &item), "get returns false although the queue is open or not yet empty");
    return (uintptr_t)item;
}

static void *get_one(void *argument)
{
    struct hand *hand = argument;
    hand->item = get_item(hand->queue);
    hand->completed++;
    return NULL;
}

/* Puts `item` and the one after it. */
static void *put_two(void *argument)
{
    struct hand *hand = argument;
    for (uintptr_t i = 0; i < 2; i++) {
        scenario_expect(crawler_queue_put(hand->queue, (void *)(hand->item + i)),
                        "put returns false although the queue is open");
        hand->completed++;
    }
    return NULL;
}

SCENARIO(queue_hands_out_each_item_once)
{
    struct crawler_queue *queue = create(1);
    struct hand putter = {.queue = queue, .item = 1}, getter = {.queue = queue};
    pthread_t threads[] = {start(put_two, &putter), start(get_one, &getter)};
    const uintptr_t mine = get_item(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(mine != getter.item, "two gets return the same item, the other one is lost");
    scenario_expect(mine + getter.item == 3, "get returns something that nobody put");
    crawler_queue_free(queue);
}

SCENARIO(queue_blocks_when_full)
{
    struct crawler_queue *queue = create(1);
    struct hand putter = {.queue = queue, .item = 1};
    pthread_t thread = start(put_two, &putter);
    scenario_settle();
    scenario_expect(putter.completed > 0, "put blocks although there is room");
    scenario_expect(putter.completed < 2, "put returns although the queue is full");
    scenario_expect(get_item(queue) == 1, "get does not return what was put first");
    scenario_settle();
    scenario_expect(putter.completed == 2, "get has made room, but the blocked put does not return");
    scenario_expect(get_item(queue) == 2, "get does not return what was put last");
    pthread_join(thread, NULL);
    crawler_queue_free(queue);
}

SCENARIO(queue_blocks_when_empty)
{
    struct crawler_queue *queue = create(0);
    struct hand getters[2] = {{.queue = queue}, {.queue = queue}}, putter = {.queue = queue, .item = 1};
    pthread_t threads[] = {start(get_one, &getters[0]), start(get_one, &getters[1])};
    scenario_settle();
    scenario_expect(getters[0].completed + getters[1].completed == 0, "get returns although nothing was put");
    put_two(&putter);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(getters[0].item + getters[1].item == 3 && getters[0].item != getters[1].item,
                    "what came out of the queue is not what went in");
    crawler_queue_free(queue);
}

static void *get_nothing(void *argument)
{
    void *item;
    scenario_expect(!crawler_queue_get(argument, &item), "get returns an item from a queue that was always empty");
    return NULL;
}

SCENARIO(queue_close_wakes_getters)
{
    struct crawler_queue *queue = create(1);
    pthread_t threads[] = {start(get_nothing, queue), start(get_nothing, queue)};
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    crawler_queue_free(queue);
}

static void *put_in_vain(void *argument)
{
    scenario_expect(!crawler_queue_put(argument, (void *)3),
                    "put returns true although the queue was full until closed");
    return NULL;
}

SCENARIO(queue_close_wakes_putters)
{
    void *item;
    struct crawler_queue *queue = create(2);
    scenario_expect(crawler_queue_put(queue, (void *)1) && crawler_queue_put(queue, (void *)2),
                    "put returns false although the queue is open");
    pthread_t threads[] = {start(put_in_vain, queue), start(put_in_vain, queue)};
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(get_item(queue) == 1, "a closed queue does not hand out first what was put first");
    scenario_expect(get_item(queue) == 2, "a closed queue does not hand out everything that was put");
    scenario_expect(!crawler_queue_get(queue, &item), "get returns an item although the queue is closed and empty");
    scenario_expect(!crawler_queue_put(queue, NULL), "put returns true although the queue is closed");
    crawler_queue_close(queue);
    crawler_queue_free(queue);
}

/* Takes an item, works on it, and says so. */
static void *work_on_one(void *argument)
{
    struct hand *hand = argument;
    get_item(hand->queue);
    scenario_settle();
    hand->completed++;
    crawler_queue_task_done(hand->queue);
    return NULL;
}

static void *join_work(void *argument)
{
    struct hand *hand = argument;
    crawler_queue_join(hand->queue);
    scenario_expect(hand->completed == 1, "join returns although the work on an item is not over");
    return NULL;
}

SCENARIO(queue_join_waits_for_task_done)
{
    struct crawler_queue *queue = create(0);
    struct hand hand = {.queue = queue};
    scenario_expect(crawler_queue_put(queue, &hand), "put returns false although the queue is open");
    pthread_t threads[] = {start(work_on_one, &hand), start(join_work, &hand)};
    join_work(&hand);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    crawler_queue_join(queue);
    crawler_queue_free(queue);
}
