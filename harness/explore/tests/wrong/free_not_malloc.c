/* expect: misuse | frees an address inside a block */
#define _GNU_SOURCE
#include <stdlib.h>

int main(void)
{
    char *block = malloc(64);
    free(block + 16);
    return 0;
}
