#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("grader: out of memory\n", stderr);
        exit(EXIT_GRADER_ERROR);
    }
    return memory;
}

void *text_allocate(size_t count, size_t size)
{
    return must(calloc(count > 0 ? count : 1, size));
}

void *text_grow(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return must(NULL);
    return must(realloc(old, count > 0 ? count * size : 1));
}

char *text_vformat(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return must(text);
}

char *text_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = text_vformat(format, arguments);
    va_end(arguments);
    return text;
}

char *text_copy(const char *text, size_t length)
{
    char *copy = text_allocate(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

char *text_join(const char *directory, const char *name)
{
    return text_format("%s/%s", directory, name);
}

char *text_replace(const char *text, const char *from, const char *to)
{
    char *out = NULL;
    size_t size = 0;
    FILE *stream = must(open_memstream(&out, &size));
    for (const char *hit; (hit = strstr(text, from)) != NULL; text = hit + strlen(from)) {
        fwrite(text, 1, (size_t)(hit - text), stream);
        fputs(to, stream);
    }
    fputs(text, stream);
    fclose(stream);
    return must(out);
}

/* The length of the well-formed UTF-8 sequence at `s`, 0 if there is none (RFC 3629, section 4). */
static size_t sequence_length(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high, length;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (s[0] < forms[i].first_low || s[0] > forms[i].first_high)
            continue;
        const size_t length = forms[i].length;
        if (length > left || (length > 1 && (s[1] < forms[i].second_low || s[1] > forms[i].second_high)))
            return 0;
        for (size_t k = 2; k < length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return length;
    }
    return 0;
}

bool text_is_utf8(const char *bytes, size_t length)
{
    for (size_t i = 0, step; i < length; i += step)
        if ((step = sequence_length((const unsigned char *)bytes + i, length - i)) == 0)
            return false;
    return true;
}

/* The length of the terminal escape sequence at `s` (ECMA-48: CSI, or OSC up to BEL or ST), 0 if none. */
static size_t escape_length(const char *s)
{
    size_t n = 2;
    if (s[0] != '\033' || s[1] == '\0')
        return 0;
    if (s[1] == '[') {
        while (s[n] >= 0x20 && s[n] <= 0x3f)
            n++;
        return s[n] != '\0' ? n + 1 : n;
    }
    if (s[1] == ']')
        while (s[n] != '\0' && s[n] != '\a' && s[n] != '\033')
            n++;
    return n;
}

char *text_clean(const char *text)
{
    const size_t length = strlen(text);
    char *out = text_allocate(length + 1, 1);
    size_t used = 0;
    for (size_t i = 0, step; i < length; i += step) {
        const unsigned char c = (unsigned char)text[i];
        if ((step = escape_length(text + i)) > 0)
            continue;
        step = sequence_length((const unsigned char *)text + i, length - i);
        if (step == 0) {
            out[used++] = '?';
            step = 1;
        } else if (step > 1 ? !(step == 2 && c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
                            : (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') {
            memcpy(out + used, text + i, step);
            used += step;
        }
    }
    while (used > 0 && out[used - 1] == '\n')
        used--;
    out[used] = '\0';
    return out;
}

bool text_is_sentence(const char *text)
{
    const size_t length = strlen(text);
    return length > 0 && text[length - 1] == '.';
}

char *text_line(const char *text, int number)
{
    for (int i = 1; i < number; i++) {
        text = strchr(text, '\n');
        if (text == NULL)
            return NULL;
        text++;
    }
    if (number < 1 || *text == '\0')
        return NULL;
    return text_copy(text, strcspn(text, "\r\n"));
}

char *text_excerpt(const char *text, int lines)
{
    const char *end = text;
    for (int i = 0; i < lines && end != NULL; i++) {
        end = strchr(end, '\n');
        end = end != NULL ? end + 1 : NULL;
    }
    if (end == NULL || *end == '\0')
        return text_copy(text, strlen(text));
    return text_format("%.*s...", (int)(end - text), text);
}

bool text_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && strchr(text, '-') == NULL && *number >= least &&
           *number <= most;
}

char *text_read_file(const char *path, size_t limit, size_t *length)
{
    struct stat status;
    char *content = NULL;
    size_t used = 0, size = 4096;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        close(fd);
        errno = EISDIR;
        return NULL;
    }
    for (;;) {
        content = text_grow(content, size + 1, 1);
        const ssize_t got = read(fd, content + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            break;
        used += got > 0 ? (size_t)got : 0;
        if (got < 0 || used > limit) {
            const int cause = got < 0 ? errno : EFBIG;
            close(fd);
            free(content);
            errno = cause;
            return NULL;
        }
        if (used == size)
            size *= 2;
    }
    close(fd);
    content[used] = '\0';
    if (length != NULL)
        *length = used;
    return content;
}

static bool write_all(int fd, const char *content, size_t length)
{
    while (length > 0) {
        const ssize_t put = write(fd, content, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        content += put;
        length -= (size_t)put;
    }
    return true;
}

bool text_write_file(const char *path, const char *content, size_t length)
{
    char *temporary = text_format("%s.XXXXXX", path);
    const int fd = mkstemp(temporary);
    bool ok = fd >= 0;
    int cause = errno;
    if (ok) {
        const mode_t mask = umask(0);
        umask(mask);
        ok = write_all(fd, content, length) && fchmod(fd, 0666 & ~mask) == 0;
        cause = errno;
        if (close(fd) != 0 && ok) {
            ok = false;
            cause = errno;
        }
        if (ok && rename(temporary, path) != 0) {
            ok = false;
            cause = errno;
        }
        if (!ok)
            unlink(temporary);
    }
    free(temporary);
    errno = cause;
    return ok;
}

static bool is_part_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

const char *text_find_word(const char *words, const char *name)
{
    for (const char *hit = strstr(words, name); hit != NULL; hit = strstr(hit + 1, name))
        if ((hit == words || !is_part_of_name(hit[-1])) && !is_part_of_name(hit[strlen(name)]))
            return hit;
    return NULL;
}
