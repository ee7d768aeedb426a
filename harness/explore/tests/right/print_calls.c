/* expect: right | functions that print, to strings and to streams */
#define _GNU_SOURCE
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *made;
static char into[16];

static int every(int which, const char *format, ...)
{
    va_list arguments;
    int length = -1;
    va_start(arguments, format);
    switch (which) {
    case 0:
        length = vasprintf(&made, format, arguments);
        break;
    case 1:
        length = vsnprintf(into, 4, format, arguments);
        break;
    case 2:
        length = vsprintf(into, format, arguments);
        break;
    case 3:
        length = vprintf(format, arguments);
        break;
    case 4:
        length = vfprintf(stdout, format, arguments);
        break;
    }
    va_end(arguments);
    return length;
}

int main(void)
{
    assert(setvbuf(stdout, NULL, _IOLBF, 0) == 0);
    assert(every(0, "%d-%s", 12, "abc") == 6 && strcmp(made, "12-abc") == 0);
    free(made);
    assert(every(1, "%d-%s", 12, "abc") == 6 && strcmp(into, "12-") == 0);
    assert(every(2, "%d-%s", 34, "xy") == 5 && strcmp(into, "34-xy") == 0);
    assert(every(3, "%d\n", 1) == 2 && every(4, "%s\n", "two") == 4);
    assert(sprintf(into, "%c%d", 'n', 5) == 2 && strcmp(into, "n5") == 0);
    perror("no error");
    assert(putchar('p') == 'p' && putc('q', stdout) == 'q' && putc('\n', stderr) == '\n');

    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    putc('r', stream);
    fclose(stream);
    assert(size == 1 && text[0] == 'r');
    free(text);
    return 0;
}
