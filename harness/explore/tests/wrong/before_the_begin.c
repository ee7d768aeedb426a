/* expect: out of bounds | the place before the first */
#include <stdlib.h>

int main(void)
{
    char *first = malloc(100), *second = malloc(100);
    for (int i = 99; i >= -1; i--)
        second[i] = 'x';
    free(first);
    free(second);
    return 0;
}
