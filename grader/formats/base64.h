/*
 * base64.h: base64 of RFC 4648, section 4.
 */
#ifndef GRADER_FORMATS_BASE64_H
#define GRADER_FORMATS_BASE64_H

#include <stddef.h>

/* base64_encode: `length` bytes with padding, in one line. Caller frees. */
char *base64_encode(const char *bytes, size_t length);

#endif
