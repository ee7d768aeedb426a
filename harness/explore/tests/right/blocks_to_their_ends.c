/* expect: right | blocks of all sizes, used to their last byte, also none */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct text {
    unsigned length;
    char letters[];
};

static void *use(void *unused)
{
    for (size_t size = 0; size < 70; size++) {
        char *block = malloc(size), *copy = calloc(size, 1), *aligned = aligned_alloc(64, 64 + size % 2 * 64);
        for (size_t i = 0; i < size; i++)
            block[i] = (char)i;
        memcpy(copy, block, size);
        memset(aligned, 1, 64);
        block = realloc(block, size + 3);
        memcpy(block + size, "ab", 3);
        struct text *text = malloc(sizeof *text + size);
        text->length = (unsigned)size;
        memset(text->letters, 'x', size);
        free(text);
        free(block);
        free(copy);
        free(aligned);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, use, NULL);
    use(NULL);
    pthread_join(thread, NULL);
    return 0;
}
