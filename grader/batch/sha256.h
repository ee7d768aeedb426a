/*
 * sha256.h: content hashes (FIPS 180-4): what tells whether two hand-ins, labs or graders are the same.
 */
#ifndef GRADER_BATCH_SHA256_H
#define GRADER_BATCH_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX = 65 }; /* 64 digits and a NUL */

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    unsigned char block[64];
};

/* sha256_init, sha256_add any number of times, sha256_end: the digest of all bytes added, in hexadecimal. */
void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
void sha256_end(struct sha256 *hash, char hex[SHA256_HEX]);

/* sha256_of: of one piece. */
void sha256_of(const void *bytes, size_t length, char hex[SHA256_HEX]);

#endif
