/* expect: right | functions on strings look no further than they have to: a piece of a text need not have an end */
#define _GNU_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *piece(const char *text)
{
    const size_t length = strlen(text);
    char *copy = malloc(length);
    assert(copy != NULL);
    return memcpy(copy, text, length);
}

int main(void)
{
    char *line = piece("\r\n"), *header = piece("location: /a.html\r\n"), *name = piece("Status");
    assert(strncasecmp(line, "location:", 9) != 0 && strncmp(line, "HTTP/1.1", 8) != 0);
    assert(strcmp(line, "x") != 0 && strcasecmp(line, "\rx") != 0);
    assert(strncasecmp(header, "Location:", 9) == 0 && strcasecmp(name, "statt") > 0);
    assert(strchr(header, ':') == header + 8 && strstr(header, "/a.html\r\n") == header + 10);
    assert(strcasestr(header, "LOC") == header && strpbrk(header, ".\n") == header + 12);
    assert(strchrnul(name, 's') == name + 5 && memrchr(name, 't', 6) == name + 3);
    assert(strcspn(header, ":") == 8 && strspn(name, "tSa") == 4 && strstr(line, "") == line);
    char *copy = strndup(name, 6), into[8];
    assert(copy != NULL && strcmp(copy, "Status") == 0);
    assert(strncpy(into, name, 6) == into && memcmp(into, "Status", 6) == 0);
    into[6] = '\0';
    assert(strlen(strncat(strcpy(into, "in"), line, 2)) == 4 && strnlen(line, 2) == 2);
    free(copy);
    free(name);
    free(header);
    free(line);
    return 0;
}
