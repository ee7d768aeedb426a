/* tree.c: tsearch and its like (search.h). Nodes are blocks of the program's heap, and each look at one is announced: a
 * tree can be raced for, leak, and be copied by fork, as if the program had made it itself. */
#include <search.h>
#include <stdint.h>

#include "heap.h"
#include "memory.h"
#include "model.h"
#include "sync.h"

/* The key comes first: the program reads it through the node's address. */
struct node {
    const void *key;
    struct node *left, *right;
};

typedef int compare(const void *, const void *);

static struct node *see(struct node *const *link, uintptr_t pc)
{
    memory_access((uintptr_t)link, sizeof *link, ACCESS_READ, pc);
    return *link;
}

static void set(struct node **link, struct node *node, uintptr_t pc)
{
    memory_access((uintptr_t)link, sizeof *link, ACCESS_WRITE, pc);
    *link = node;
}

static const void *key_of(const struct node *node, uintptr_t pc)
{
    memory_access((uintptr_t)&node->key, sizeof node->key, ACCESS_READ, pc);
    return node->key;
}

/* The link to the node with that key, or the one, which is NULL, where it would be; and the node above in *above. */
static struct node **find(const void *key, struct node **link, compare *order, struct node **above, uintptr_t pc)
{
    *above = NULL;
    for (struct node *node; (node = see(link, pc)) != NULL;) {
        const int way = order(key, key_of(node, pc));
        if (way == 0)
            break;
        *above = node;
        link = way < 0 ? &node->left : &node->right;
    }
    return link;
}

MODEL(void *, tsearch, (const void *key, void **root, compare *order))
{
    struct node *above, **link;
    if (root == NULL)
        return NULL;
    link = find(key, (struct node **)root, order, &above, PC);
    struct node *node = *link;
    if (node == NULL && (node = heap_ask(sizeof *node, 16, PC)) != NULL) {
        memory_access((uintptr_t)node, sizeof *node, ACCESS_WRITE, PC);
        *node = (struct node){.key = key};
        set(link, node, PC);
    }
    return node;
}

MODEL(void *, tfind, (const void *key, void *const *root, compare *order))
{
    struct node *above;
    return root == NULL ? NULL : *find(key, (struct node **)root, order, &above, PC);
}

/* The first of the nodes below `link`, which is taken out. */
static struct node *take_first(struct node **link, uintptr_t pc)
{
    struct node *node = see(link, pc);
    while (see(&node->left, pc) != NULL) {
        link = &node->left;
        node = *link;
    }
    set(link, see(&node->right, pc), pc);
    return node;
}

MODEL(void *, tdelete, (const void *key, void **root, compare *order))
{
    struct node *above, **link;
    if (root == NULL)
        return NULL;
    link = find(key, (struct node **)root, order, &above, PC);
    struct node *node = *link, *next;
    if (node == NULL)
        return NULL;
    if (see(&node->left, PC) == NULL)
        next = see(&node->right, PC);
    else if (see(&node->right, PC) == NULL)
        next = node->left;
    else {
        next = take_first(&node->right, PC);
        set(&next->left, node->left, PC);
        set(&next->right, node->right, PC);
    }
    set(link, next, PC);
    heap_give_back(node, PC);
    return above != NULL ? (void *)above : (void *)root; /* of the root: whatever is not NULL */
}

typedef void visitor(const void *node, VISIT when, void *argument);

static void walk(struct node *node, int depth, __action_fn_t with_depth, visitor *with_argument, void *argument,
                 uintptr_t pc)
{
    struct node *const left = see(&node->left, pc), *const right = see(&node->right, pc);
    const bool is_leaf = left == NULL && right == NULL;
    for (VISIT when = is_leaf ? leaf : preorder; when <= leaf; when++) {
        if (with_depth != NULL)
            with_depth(node, when, depth);
        else
            with_argument(node, when, argument);
        struct node *const below = when == preorder ? left : when == postorder ? right : NULL;
        if (below != NULL)
            walk(below, depth + 1, with_depth, with_argument, argument, pc);
        if (when == endorder)
            break;
    }
}

MODEL(void, twalk, (const void *root, __action_fn_t visit))
{
    if (root != NULL && visit != NULL)
        walk((struct node *)root, 0, visit, NULL, NULL, PC);
}

MODEL(void, twalk_r, (const void *root, visitor *visit, void *argument))
{
    if (root != NULL && visit != NULL)
        walk((struct node *)root, 0, NULL, visit, argument, PC);
}

static void end(struct node *node, __free_fn_t end_key, uintptr_t pc)
{
    if (see(&node->left, pc) != NULL)
        end(node->left, end_key, pc);
    if (see(&node->right, pc) != NULL)
        end(node->right, end_key, pc);
    end_key((void *)key_of(node, pc));
    heap_give_back(node, pc);
}

MODEL(void, tdestroy, (void *root, __free_fn_t end_key))
{
    if (root != NULL)
        end(root, end_key, PC);
}
