#include "base64.h"

#include <stdint.h>

#include "../text.h"

char *base64_encode(const char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = text_allocate((length + 2) / 3 * 4 + 1, 1), *next = out;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < length ? (uint8_t)bytes[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            *next++ = i + k <= length ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}
