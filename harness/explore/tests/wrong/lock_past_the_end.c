/* expect: out of bounds | room for a pointer to the lock, not for the lock */
#include <pthread.h>
#include <stdlib.h>

int main(void)
{
    char *text = malloc(3);
    pthread_mutex_t *lock = (pthread_mutex_t *)(text + 16);
    text[0] = 'a';
    pthread_mutex_init(lock, NULL);
    free(text);
    return 0;
}
