/*
 * channels.h: what lies between the writer and the reader of a pipe, a socket or an eventfd: bytes, messages, or a
 * number. A pipe has one channel, a pair of sockets two, one each way.
 */
#ifndef EXPLORE_CHANNELS_H
#define EXPLORE_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clocks.h"

enum channel_kind { CHANNEL_BYTES, CHANNEL_MESSAGES, CHANNEL_NUMBER, CHANNEL_TOKENS };

/* Messages: longer ones are not sent; CHANNEL_ROOM: how many bytes fit, as in a pipe on Linux; CHANNEL_ATOMIC: a write
 * of so many is not divided (PIPE_BUF). */
enum { CHANNEL_MOST = 32768, CHANNEL_ROOM = 65536, CHANNEL_ATOMIC = 4096 };

struct channel {
    enum channel_kind kind; /* tokens: an eventfd that gives 1 at a time */
    int readers, writers;   /* open file descriptions, in all processes */
    size_t count;           /* bytes; a message's length counts as well; the number */
    unsigned changes;       /* how often anything happened to it */
    bool lost;              /* the other side of a socket went away without having read everything */
    char *bytes;
    struct clock clock;
};

struct channel *channel_make(enum channel_kind kind);

/* Whether a read or a write would return at once; for `ready` of a wait. Who may write bytes may write as many as
 * CHANNEL_ATOMIC. */
bool channel_may_read(void *channel);
bool channel_may_write(void *channel);

/* channel_fits: for `ready` of a wait: whether `number` can be added to that of an eventfd, whose largest is
 * UINT64_MAX - 1; a write of more waits until somebody has read. */
struct channel_addition {
    const struct channel *channel;
    uint64_t number;
};
bool channel_fits(void *addition);

/* channel_room: how much of `size` can be put now. */
size_t channel_room(const struct channel *channel, size_t size);

/* channel_ready: how many bytes a read of `size` would give. channel_take: gives them, and takes them out unless
 * `peek`. channel_put: adds them. Both only when they may; they return how many. */
size_t channel_ready(const struct channel *channel, size_t size);
size_t channel_take(struct channel *channel, void *into, size_t size, bool peek);
size_t channel_put(struct channel *channel, const void *data, size_t size);

#endif
