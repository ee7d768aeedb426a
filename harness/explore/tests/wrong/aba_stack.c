/* expect: assertion | a stack whose compare and exchange is fooled by a node that came back */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

struct node {
    struct node *_Atomic next;
    atomic_int taken;
};
static struct node nodes[2];
static _Atomic(struct node *) top;
static struct node *pop(void)
{
    struct node *old = atomic_load(&top);
    while (old != NULL && !atomic_compare_exchange_strong(&top, &old, atomic_load(&old->next)))
        ;
    return old;
}
static void push(struct node *node)
{
    struct node *old = atomic_load(&top);
    do
        atomic_store(&node->next, old);
    while (!atomic_compare_exchange_strong(&top, &old, node));
}
static void *once(void *a)
{
    struct node *node = pop();
    if (node != NULL)
        assert(atomic_fetch_add(&node->taken, 1) == 0);
    return a;
}
static void *thrice(void *a)
{
    struct node *first = pop(), *second = pop();
    if (first == NULL || second == NULL)
        return a;
    atomic_fetch_add(&second->taken, 1);
    push(first);
    return once(a);
}
int main(void)
{
    pthread_t t[2];
    push(&nodes[1]);
    push(&nodes[0]);
    START(t[0], once, NULL);
    START(t[1], thrice, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    once(NULL);
    return 0;
}
