#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handlers.h"
#include "heap.h"
#include "memory.h"
#include "memstream.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "transfers.h"
#include "verdict.h"

static bool shown;

void output_show(bool show)
{
    shown = show;
}

static void check_stream(const FILE *stream)
{
    handlers_forbid("stdio");
    if (stream != stdout && stream != stderr)
        verdict_unsupported("files other than stdout and stderr");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static char *format_text(const char *format, va_list arguments, int *length, uintptr_t pc)
{
    va_list again;
    va_copy(again, arguments);
    *length = vsnprintf(NULL, 0, format, arguments);
    char *text = heap_take((size_t)*length + 1, 16, pc);
    vsnprintf(text, (size_t)*length + 1, format, again);
    va_end(again);
    return text;
}

static int print(FILE *stream, const char *format, va_list arguments, uintptr_t pc)
{
    if (memstream_is(stream, pc)) {
        int length;
        char *text = format_text(format, arguments, &length, pc);
        memstream_write(stream, text, (size_t)length, pc);
        heap_give_back(text, pc);
        return length;
    }
    check_stream(stream);
    return shown ? vfprintf(stream, format, arguments) : vsnprintf(NULL, 0, format, arguments);
}

MODEL(int, printf, (const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    const int length = print(stdout, format, arguments, PC);
    va_end(arguments);
    return length;
}

MODEL(int, fprintf, (FILE * stream, const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    const int length = print(stream, format, arguments, PC);
    va_end(arguments);
    return length;
}

MODEL(int, vprintf, (const char *format, va_list arguments))
{
    return print(stdout, format, arguments, PC);
}

MODEL(int, vfprintf, (FILE * stream, const char *format, va_list arguments))
{
    return print(stream, format, arguments, PC);
}

MODEL(int, snprintf, (char *into, size_t size, const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(into, size, format, arguments);
    va_end(arguments);
    const size_t written = (size_t)length < size ? (size_t)length + 1 : size;
    memory_access((uintptr_t)into, written, ACCESS_WRITE, PC);
    return length;
}

MODEL(int, vsnprintf, (char *into, size_t size, const char *format, va_list arguments))
{
    const int length = vsnprintf(into, size, format, arguments);
    memory_access((uintptr_t)into, (size_t)length < size ? (size_t)length + 1 : size, ACCESS_WRITE, PC);
    return length;
}

MODEL(int, sprintf, (char *into, const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsprintf(into, format, arguments);
    va_end(arguments);
    memory_access((uintptr_t)into, (size_t)length + 1, ACCESS_WRITE, PC);
    return length;
}

MODEL(int, vsprintf, (char *into, const char *format, va_list arguments))
{
    const int length = vsprintf(into, format, arguments);
    memory_access((uintptr_t)into, (size_t)length + 1, ACCESS_WRITE, PC);
    return length;
}

MODEL(int, vasprintf, (char **into, const char *format, va_list arguments))
{
    int length;
    memory_access((uintptr_t)into, sizeof *into, ACCESS_WRITE, PC);
    *into = format_text(format, arguments, &length, PC);
    return length;
}

MODEL(int, asprintf, (char **into, const char *format, ...))
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    memory_access((uintptr_t)into, sizeof *into, ACCESS_WRITE, PC);
    *into = format_text(format, arguments, &length, PC);
    va_end(arguments);
    return length;
}
#pragma GCC diagnostic pop

MODEL(int, puts, (const char *text))
{
    memory_access((uintptr_t)text, strlen(text) + 1, ACCESS_READ, PC);
    return shown ? puts(text) : 1;
}

MODEL(int, fputs, (const char *text, FILE *stream))
{
    memory_access((uintptr_t)text, strlen(text) + 1, ACCESS_READ, PC);
    if (memstream_is(stream, PC)) {
        memstream_write(stream, text, strlen(text), PC);
        return 1;
    }
    check_stream(stream);
    return shown ? fputs(text, stream) : 1;
}

MODEL(int, putchar, (int byte))
{
    return shown ? putchar(byte) : byte;
}

static int put_byte(int byte, FILE *stream, uintptr_t pc)
{
    if (memstream_is(stream, pc)) {
        memstream_write(stream, &(char){(char)byte}, 1, pc);
        return (unsigned char)byte;
    }
    check_stream(stream);
    return shown ? fputc(byte, stream) : byte;
}

MODEL(int, fputc, (int byte, FILE *stream))
{
    return put_byte(byte, stream, PC);
}

MODEL(int, putc, (int byte, FILE *stream))
{
    return put_byte(byte, stream, PC);
}

MODEL(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *stream))
{
    memory_access((uintptr_t)data, size * count, ACCESS_READ, PC);
    if (memstream_is(stream, PC)) {
        memstream_write(stream, data, size * count, PC);
        return count;
    }
    check_stream(stream);
    return shown ? fwrite(data, size, count, stream) : count;
}

MODEL(int, fflush, (FILE * stream))
{
    if (stream != NULL && memstream_is(stream, PC)) {
        memstream_flush(stream, PC);
        return 0;
    }
    return shown ? fflush(stream) : 0;
}

MODEL(int, ferror, (FILE * stream))
{
    return memstream_is(stream, PC) || !shown ? 0 : ferror(stream);
}

MODEL(int, setvbuf, (FILE * stream, char *buffer, int mode, size_t size))
{
    (void)stream;
    (void)buffer;
    (void)mode;
    (void)size;
    return 0;
}

MODEL(void, perror, (const char *text))
{
    if (shown)
        fprintf(stderr, "%s: %s\n", text, strerror(errno));
}

MODEL(ssize_t, write, (int descriptor, const void *data, size_t size))
{
    if (descriptor != STDOUT_FILENO && descriptor != STDERR_FILENO)
        return transfer_out(descriptor, data, size, 0, PC);
    memory_access((uintptr_t)data, size, ACCESS_READ, PC);
    return shown ? write(descriptor, data, size) : (ssize_t)size;
}
