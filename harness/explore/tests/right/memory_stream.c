/* expect: right | open_memstream and the string functions: what they allocate is the program's, and is given back */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *shared;

static int by_letter(const void *one, const void *other)
{
    return *(const char *)one - *(const char *)other;
}

static void *write_word(void *word)
{
    pthread_mutex_lock(&lock);
    fputs(word, shared);
    fputc(' ', shared);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void cut_and_sort(void)
{
    char text[] = "c,a,b", letters[4] = "", *rest, *line = NULL;
    for (char *word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest))
        strncat(letters, word, 1);
    qsort(letters, 3, 1, by_letter);
    assert(asprintf(&line, "%s!", letters) == 4);
    assert(strcmp(line, "abc!") == 0 && strcasestr(line, "BC") == line + 1 && strrchr(line, 'b') == line + 1);
    free(line);
}

int main(void)
{
    char *text = NULL;
    size_t length = 0;
    pthread_t thread;
    shared = open_memstream(&text, &length);
    pthread_create(&thread, NULL, write_word, "one");
    write_word("one");
    pthread_join(thread, NULL);
    fprintf(shared, "%d", 2);
    fflush(shared);
    assert(length == 9 && strcmp(text, "one one 2") == 0);
    assert(fwrite("more of it", 1, 4, shared) == 4);
    assert(ferror(shared) == 0);
    fclose(shared);
    assert(length == 13 && memmem(text, length, "2more", 5) != NULL);
    free(text);
    cut_and_sort();
    return 0;
}
