/* expect: right | tsearch and its like under a lock: what a tree allocates is the program's, and is given back */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *words;
static int inserted, leaves, inner, sum;
static char before[64];

static int by_letters(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void *insert(void *word)
{
    char *copy = strdup(word);
    assert(copy != NULL);
    pthread_mutex_lock(&lock);
    char *const *found = tsearch(copy, &words, by_letters);
    assert(found != NULL && strcmp(*found, word) == 0);
    if (*found == copy)
        inserted++;
    else
        free(copy);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void look(const void *node, VISIT when, int depth)
{
    (void)depth;
    if (when == postorder || when == leaf)
        strcat(before, *(char *const *)node);
    leaves += when == leaf;
    inner += when == preorder;
    inner -= when == endorder;
}

static void add(const void *node, VISIT when, void *into)
{
    if (when == postorder || when == leaf)
        *(int *)into += **(char *const *)node;
}

static void leave_out(const char *word)
{
    char *const *found = tfind(word, &words, by_letters);
    assert(found != NULL);
    char *mine = *found;
    assert(tdelete(word, &words, by_letters) != NULL);
    free(mine);
    assert(tfind(word, &words, by_letters) == NULL && tdelete(word, &words, by_letters) == NULL);
}

int main(void)
{
    pthread_t thread;
    insert("m");
    assert(pthread_create(&thread, NULL, insert, "c") == 0);
    insert("c");
    insert("t");
    pthread_join(thread, NULL);
    for (const char *rest = "a\0p\0z\0d\0m\0"; *rest != '\0'; rest += 2)
        insert((void *)rest);
    assert(inserted == 7);
    twalk(words, look);
    assert(strcmp(before, "acdmptz") == 0 && leaves >= 1 && inner == 0);
    twalk_r(words, add, &sum);
    assert(sum == 'a' + 'c' + 'd' + 'm' + 'p' + 't' + 'z');
    const pid_t child = fork();
    if (child == 0) { /* has a tree of its own */
        tdestroy(words, free);
        _exit(0);
    }
    assert(child > 0 && waitpid(child, NULL, 0) == child);
    leave_out("m");
    leave_out("a");
    leave_out("c");
    before[0] = '\0';
    twalk(words, look);
    assert(strcmp(before, "dptz") == 0);
    tdestroy(words, free);
    return 0;
}
