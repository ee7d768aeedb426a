/* expect: memory leak | a tree that is forgotten */
#include <assert.h>
#include <search.h>
#include <stddef.h>

static int numbers[3] = {2, 1, 3};

static int by_number(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

int main(void)
{
    void *tree = NULL;
    for (int i = 0; i < 3; i++)
        assert(tsearch(&numbers[i], &tree, by_number) != NULL);
    tree = NULL;
    return 0;
}
