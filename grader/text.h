/*
 * text.h: strings of the grader. Every function that returns a string returns one the caller frees;
 * without memory the grader prints so and ends with EXIT_GRADER_ERROR, so none returns NULL for that.
 * All are thread safe.
 */
#ifndef GRADER_TEXT_H
#define GRADER_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_code {
    EXIT_GRADED = 0,        /* graded, and with --require at least that many points */
    EXIT_BELOW = 1,         /* graded, below --require */
    EXIT_USAGE = 2,         /* usage or manifest error */
    EXIT_GRADER_ERROR = 3,  /* a fault of ours */
    EXIT_INTERRUPTED = 130, /* Ctrl-C */
};

/* text_format: as printf. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vformat(const char *format, va_list arguments);

/* text_copy: `length` bytes, NUL-terminated. */
char *text_copy(const char *text, size_t length);

/* text_join: dir/name. */
char *text_join(const char *directory, const char *name);

/* text_replace: every `from` (not empty) in `text` replaced by `to`. */
char *text_replace(const char *text, const char *from, const char *to);

/* text_clean: what is safe to show on a terminal and valid in JSON: bytes that are not UTF-8 become
 * '?', escape sequences and control characters other than newline and tab are dropped, and so are
 * trailing newlines. */
char *text_clean(const char *text);

/* text_is_utf8: whether `length` bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong). */
bool text_is_utf8(const char *bytes, size_t length);

/* text_is_sentence: whether `text` ends with a full stop: words of a lab that do tell their own reason, and no other
 * one is to follow. */
bool text_is_sentence(const char *text);

/* text_line: line `number` (from 1) of `text` without its newline; NULL if there is no such line. */
char *text_line(const char *text, int number);

/* text_excerpt: at most `lines` lines of `text`, the first ones, and "..." if there were more. */
char *text_excerpt(const char *text, int lines);

/* text_number: the whole of `text` as a decimal number from `least` to `most`; false if it is none, then `*number`
 * means nothing. */
bool text_number(const char *text, uint64_t least, uint64_t most, uint64_t *number);

/* text_read_file: a whole file of at most `limit` bytes, NUL-terminated, `*length` set if not NULL. NULL with
 * errno set if it cannot be read; EFBIG if it is larger. */
char *text_read_file(const char *path, size_t limit, size_t *length);

/* text_write_file: replaces the file's contents, through a temporary file beside it and rename, so
 * that it is never half written. Returns false with errno set. */
bool text_write_file(const char *path, const char *content, size_t length);

/* text_allocate: zeroed memory for `count` items of `size` bytes. text_grow: realloc. */
void *text_allocate(size_t count, size_t size);
void *text_grow(void *old, size_t count, size_t size);

/* text_find_word: where `name`, a C identifier, stands in `words` as a whole one; NULL: nowhere. Pure. */
const char *text_find_word(const char *words, const char *name);

#endif
