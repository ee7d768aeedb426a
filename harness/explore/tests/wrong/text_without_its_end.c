/* expect: out of bounds | strlen does not count the byte that ends the text */
#include <stdlib.h>
#include <string.h>

int main(void)
{
    const char *text = "sixteen letters.";
    char *copy = malloc(strlen(text));
    strcpy(copy, text);
    free(copy);
    return 0;
}
