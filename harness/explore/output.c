#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
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
    if (stream != stdout && stream != stderr)
        verdict_unsupported("files other than stdout and stderr");
}

static int print(FILE *stream, const char *format, va_list arguments)
{
    check_stream(stream);
    return shown ? vfprintf(stream, format, arguments) : vsnprintf(NULL, 0, format, arguments);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

MODEL(int, printf, (const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    const int length = print(stdout, format, arguments);
    va_end(arguments);
    return length;
}

MODEL(int, fprintf, (FILE * stream, const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    const int length = print(stream, format, arguments);
    va_end(arguments);
    return length;
}

MODEL(int, vprintf, (const char *format, va_list arguments))
{
    return print(stdout, format, arguments);
}

MODEL(int, vfprintf, (FILE * stream, const char *format, va_list arguments))
{
    return print(stream, format, arguments);
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
#pragma GCC diagnostic pop

MODEL(int, puts, (const char *text))
{
    memory_access((uintptr_t)text, strlen(text) + 1, ACCESS_READ, PC);
    return shown ? puts(text) : 1;
}

MODEL(int, fputs, (const char *text, FILE *stream))
{
    check_stream(stream);
    memory_access((uintptr_t)text, strlen(text) + 1, ACCESS_READ, PC);
    return shown ? fputs(text, stream) : 1;
}

MODEL(int, putchar, (int byte))
{
    return shown ? putchar(byte) : byte;
}

MODEL(int, fputc, (int byte, FILE *stream))
{
    check_stream(stream);
    return shown ? fputc(byte, stream) : byte;
}

MODEL(int, putc, (int byte, FILE *stream))
{
    return x_fputc(byte, stream);
}

MODEL(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *stream))
{
    check_stream(stream);
    memory_access((uintptr_t)data, size * count, ACCESS_READ, PC);
    return shown ? fwrite(data, size, count, stream) : count;
}

MODEL(int, fflush, (FILE * stream))
{
    return shown ? fflush(stream) : 0;
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
