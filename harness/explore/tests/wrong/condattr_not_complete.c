/* expect: data race | the attributes that all share are marked as made before they are: the second thread takes them half made */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static pthread_condattr_t attributes;
static atomic_bool made;

static void *make(void *argument)
{
    pthread_cond_t condition;
    if (!atomic_exchange(&made, true)) {
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    }
    pthread_cond_init(&condition, &attributes);
    pthread_cond_destroy(&condition);
    return argument;
}

int main(void)
{
    pthread_t other;
    pthread_create(&other, NULL, make, NULL);
    make(NULL);
    pthread_join(other, NULL);
    return 0;
}
