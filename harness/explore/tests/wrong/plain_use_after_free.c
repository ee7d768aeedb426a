/* expect: use after free | one thread reads its own freed memory */
#define _GNU_SOURCE
#include <stdlib.h>

int main(void)
{
    int *value = malloc(sizeof *value);
    *value = 1;
    free(value);
    return *value == 1 ? 0 : 2;
}
