/* expect: right | functions on strings and memory do what they say */
#define _GNU_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void search(void)
{
    char text[] = "a,b;c", *rest = text;
    assert(memrchr("abcabc", 'b', 6) != NULL && *(char *)memrchr(text, 'a', sizeof text) == 'a');
    assert(strchrnul(text, 'z') == text + 5 && strchrnul(text, 'b') == text + 2);
    assert(strnlen("abcdef", 3) == 3 && strnlen("ab", 3) == 2);
    assert(strpbrk(text, ";,") == text + 1 && strpbrk(text, "xyz") == NULL);
    assert(strstr(text, "b;") == text + 2 && strstr(text, "bc") == NULL);
    assert(strcmp(strsep(&rest, ",;"), "a") == 0 && strcmp(strsep(&rest, ",;"), "b") == 0);
    assert(strcmp(strsep(&rest, ",;"), "c") == 0 && rest == NULL && strsep(&rest, ",;") == NULL);
}

static void compare(void)
{
    char word[] = "Abc-abd";
    assert(memchr(word, 'c', sizeof word) == word + 2 && memchr(word, 'c', 2) == NULL);
    assert(strchr(word, 'b') == word + 1 && strchr(word, '\0') == word + 7 && strchr(word, 'x') == NULL);
    assert(strcasecmp(word, "aBC-ABD") == 0 && strcasecmp(word, "abc") > 0);
    assert(strncmp(word + 4, "abc", 2) == 0 && strncmp(word + 4, "abc", 3) > 0);
    assert(strspn(word, "cbA") == 3 && strcspn(word, "-d") == 3);
}

static void copy(void)
{
    char into[8] = "ab", whole[4];
    assert(strcat(into, "cd") == into && strcmp(into, "abcd") == 0);
    assert(strncpy(whole, "xyz123", sizeof whole) == whole && memcmp(whole, "xyz1", 4) == 0);
    memmove(into + 1, into, 4); /* they overlap */
    assert(strcmp(into, "aabcd") == 0);
    char *end = stpcpy(into, "no");
    assert(end == into + 2 && strcmp(into, "no") == 0);
    strncpy(into, "q", sizeof into);
    assert(memcmp(into, "q\0\0\0\0\0\0\0", 8) == 0);
}

static void allocate(void)
{
    void *aligned = NULL;
    assert(posix_memalign(&aligned, 256, 100) == 0 && (size_t)aligned % 256 == 0);
    assert(posix_memalign(&aligned, 3, 100) != 0);
    volatile size_t too_many = (size_t)-1;
    int *numbers = reallocarray(NULL, 4, sizeof *numbers);
    numbers[3] = 7;
    numbers = reallocarray(numbers, 8, sizeof *numbers);
    assert(numbers[3] == 7 && reallocarray(numbers, too_many, 16) == NULL);
    free(numbers);
    char *part = strndup("abcdef", 3);
    assert(strcmp(part, "abc") == 0);
    free(part);
    free(aligned);
}

int main(void)
{
    search();
    compare();
    copy();
    allocate();
    srandom(1);
    const long first = random();
    srandom(1);
    assert(random() == first && first >= 0);
    return 0;
}
