/*
 * yaml_check.h: a YAML document with its line numbers, checked against a libcyaml schema.
 *
 * libcyaml loads the document, but the line in its backtrace may be that of the key before, its message
 * comes in pieces, and it reads `3.5` as the integer 3. This module holds the same document against
 * the same schema first, so that a mistake becomes one message with the right line.
 */
#ifndef GRADER_YAML_CHECK_H
#define GRADER_YAML_CHECK_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>

struct yaml_fault {
    int line;       /* from 1 */
    char text[320]; /* what is wrong: lower case, no full stop, no line break */
};

/* yaml_fault_set: fills `fault` with a line and a text, which is cut to what fits and whose control
 * characters become '?'. Returns false, so that a check can end with it. */
bool yaml_fault_set(struct yaml_fault *fault, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* yaml_text_parse: parses `bytes[0..length-1]`, which must hold exactly one YAML document. Returns NULL with
 * `fault` set if it does not; otherwise a document to be released with yaml_text_free. Keeps no
 * reference to `bytes`. Does not block. Thread safe. */
struct yaml_text *yaml_text_parse(const char *bytes, size_t length, struct yaml_fault *fault);

/* yaml_text_check: whether the document fits `schema`: known keys, none twice, none missing, the type of each
 * value. Of the types of libcyaml it knows mapping, sequence, int, float, enum and string and passes all
 * others. Numbers are plain decimal ones: an int has at most 9 digits and no leading zero. Returns false
 * with `fault` set at the first mistake. `strtod` must read a decimal point (LC_NUMERIC). */
bool yaml_text_check(const struct yaml_text *text, const cyaml_schema_value_t *schema, struct yaml_fault *fault);

/* yaml_text_line: the line of the top-level `key`; with `index` >= 0 that of this entry (from 0) of the list
 * there, with `subkey` not NULL that of the key in the mapping there. Returns 0 if it is not there.
 * Examples: ("title", -1, NULL), ("functions", 2, NULL), ("limits", -1, "memory_mb"), ("tests", 0, "why"). */
int yaml_text_line(const struct yaml_text *text, const char *key, int index, const char *subkey);

/* yaml_text_free: releases `text`, which may be NULL. */
void yaml_text_free(struct yaml_text *text);

/* yaml_nearest: of the `count` strings at `words` the one that `word` is most likely a slip of the keyboard
 * for, or NULL if none is near. The result is one of `words`. */
const char *yaml_nearest(const char *word, const char *const *words, size_t count);

#endif
