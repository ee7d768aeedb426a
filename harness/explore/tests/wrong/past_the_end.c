/* expect: out of bounds | the ring has a place less than is used */
#include <pthread.h>
#include <stdlib.h>

enum { PLACES = 4 };

static void *fill(void *ring)
{
    for (int i = 0; i <= PLACES; i++)
        ((int *)ring)[i] = i;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int *ring = malloc(PLACES * sizeof *ring);
    pthread_create(&thread, NULL, fill, ring);
    pthread_join(thread, NULL);
    free(ring);
    return 0;
}
