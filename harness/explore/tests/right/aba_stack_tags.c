/* expect: right | a stack whose top carries the number of its changes: a node that came back is told */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

enum { NONE = 0, NODES = 2 };
struct top {
    uint32_t node, changes;
};
static atomic_uint next[NODES + 1], taken[NODES + 1];
static atomic_ullong top;
static struct top unpack(unsigned long long word)
{
    return (struct top){(uint32_t)word, (uint32_t)(word >> 32)};
}
static unsigned long long pack(uint32_t node, uint32_t changes)
{
    return (unsigned long long)changes << 32 | node;
}
static uint32_t pop(void)
{
    unsigned long long old = atomic_load(&top);
    while (unpack(old).node != NONE &&
           !atomic_compare_exchange_strong(&top, &old,
                                           pack(atomic_load(&next[unpack(old).node]), unpack(old).changes + 1)))
        ;
    return unpack(old).node;
}
static void push(uint32_t node)
{
    unsigned long long old = atomic_load(&top);
    do
        atomic_store(&next[node], unpack(old).node);
    while (!atomic_compare_exchange_strong(&top, &old, pack(node, unpack(old).changes + 1)));
}
static void *once(void *a)
{
    const uint32_t node = pop();
    if (node != NONE)
        assert(atomic_fetch_add(&taken[node], 1) == 0);
    return a;
}
static void *thrice(void *a)
{
    const uint32_t first = pop(), second = pop();
    if (first == NONE || second == NONE)
        return a;
    atomic_fetch_add(&taken[second], 1);
    push(first);
    return once(a);
}
int main(void)
{
    pthread_t t[2];
    push(2);
    push(1);
    START(t[0], once, NULL);
    START(t[1], thrice, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    once(NULL);
    return 0;
}
