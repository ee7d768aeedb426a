/* expect: unsupported | an array as large as a thread's stack here: it must not reach into the next thread's */
#include <assert.h>
#include <pthread.h>

static void *work(void *result)
{
    unsigned char answers[512 * 1024];
    for (int i = 0; i < 5; i++)
        answers[i] = 1;
    for (int i = 0; i < 5; i++)
        *(int *)result += answers[i];
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int results[2] = {0};
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, &results[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(results[0] == 5 && results[1] == 5);
    return 0;
}
