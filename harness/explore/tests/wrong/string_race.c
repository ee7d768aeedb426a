/* expect: data race | strncasecmp reads what another thread's mempcpy writes */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <strings.h>

static char word[8] = "one";

static void *change(void *argument)
{
    (void)argument;
    mempcpy(word, "two", 3);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, change, NULL);
    const int different = strncasecmp(word, "ONE", 3);
    pthread_join(thread, NULL);
    return different > 1000;
}
