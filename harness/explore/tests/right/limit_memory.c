/* expect: right | the first block can be had, then none by any call; another thread has no limit */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void scenario_limit_memory(unsigned more);

static void *take(void *a)
{
    free(malloc(8));
    void *block = malloc(8);
    assert(block != NULL);
    free(block);
    return a;
}

int main(void)
{
    pthread_t thread;
    void *other;
    scenario_limit_memory(1);
    char *first = malloc(4);
    assert(first != NULL);
    strcpy(first, "abc");
    errno = 0;
    assert(malloc(4) == NULL && errno == ENOMEM);
    assert(calloc(1, 4) == NULL && strdup(first) == NULL && aligned_alloc(64, 64) == NULL);
    assert(posix_memalign(&other, 64, 64) == ENOMEM);
    assert(realloc(first, 8) == NULL && strcmp(first, "abc") == 0);
    pthread_create(&thread, NULL, take, NULL);
    pthread_join(thread, NULL);
    scenario_limit_memory(UINT_MAX);
    first = realloc(first, 8);
    assert(first != NULL && strcmp(first, "abc") == 0);
    free(first);
    return 0;
}
