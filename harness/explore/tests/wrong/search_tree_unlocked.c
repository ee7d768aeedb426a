/* expect: data race | a look into a tree beside an insertion */
#include <assert.h>
#include <pthread.h>
#include <search.h>
#include <stddef.h>

static void *numbers;
static int one = 1, two = 2;

static int by_number(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

static void *look(void *unused)
{
    (void)unused;
    return tfind(&two, &numbers, by_number);
}

int main(void)
{
    pthread_t thread;
    tsearch(&one, &numbers, by_number);
    assert(pthread_create(&thread, NULL, look, NULL) == 0);
    tsearch(&two, &numbers, by_number);
    pthread_join(thread, NULL);
    tdelete(&one, &numbers, by_number);
    tdelete(&two, &numbers, by_number);
    return 0;
}
