/* expect: memory leak | a memory stream is never closed, so its own memory is lost */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *write_word(void *word)
{
    char *text;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    fputs(word, stream);
    fflush(stream);
    free(text);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, write_word, "one");
    pthread_join(thread, NULL);
    return 0;
}
