/* expect: right | strings, formatted text, sorting, random numbers, exit handlers */
#define _GNU_SOURCE
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}
static void bye(void)
{
    puts("bye");
}
int main(int count, char **words)
{
    int numbers[3] = {3, 1, 2};
    char text[40], copy[40];
    atexit(bye);
    srand(1);
    const int r = rand();
    srand(1);
    assert(r == rand());
    qsort(numbers, 3, sizeof numbers[0], compare);
    snprintf(text, sizeof text, "%d %d %d", numbers[0], numbers[1], numbers[2]);
    assert(strcmp(text, "1 2 3") == 0);
    memcpy(copy, text, sizeof text);
    memset(text, 0, sizeof text);
    char *twin = strdup(copy);
    assert(strlen(twin) == 5 && memcmp(twin, copy, 6) == 0);
    free(twin);
    int *p = realloc(NULL, 4), *q = aligned_alloc(64, 64);
    *p = 9;
    p = realloc(p, 100);
    assert(*p == 9 && (uintptr_t)q % 64 == 0);
    free(p);
    free(q);
    printf("%s %d %s\n", copy, count, words[0]);
    exit(0);
}
