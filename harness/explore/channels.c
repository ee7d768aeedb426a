#include "channels.h"

#include <stdint.h>
#include <string.h>

#include "arena.h"

enum { CAPACITY = CHANNEL_ROOM };

static bool is_number(const struct channel *channel)
{
    return channel->kind == CHANNEL_NUMBER || channel->kind == CHANNEL_TOKENS;
}

struct channel *channel_make(enum channel_kind kind)
{
    struct channel *channel = arena_zero(sizeof *channel);
    channel->kind = kind;
    if (!is_number(channel))
        channel->bytes = arena_take(CAPACITY + 2 * sizeof(uint32_t));
    return channel;
}

bool channel_may_read(void *argument)
{
    const struct channel *channel = argument;
    return channel->count > 0 || channel->writers == 0 || channel->lost;
}

bool channel_may_write(void *argument)
{
    const struct channel *channel = argument;
    if (is_number(channel))
        return channel->count < UINT64_MAX - 1;
    if (channel->readers == 0 || channel->writers == 0)
        return true;
    if (channel->kind == CHANNEL_MESSAGES)
        return channel->count < CHANNEL_MOST;
    return CHANNEL_ROOM - channel->count >= CHANNEL_ATOMIC;
}

bool channel_fits(void *argument)
{
    const struct channel_addition *addition = argument;
    return addition->number <= UINT64_MAX - 1 - addition->channel->count;
}

size_t channel_room(const struct channel *channel, size_t size)
{
    if (channel->kind != CHANNEL_BYTES || CHANNEL_ROOM - channel->count >= size)
        return size;
    return CHANNEL_ROOM - channel->count;
}

static uint32_t first_message(const struct channel *channel)
{
    uint32_t length;
    memcpy(&length, channel->bytes, sizeof length);
    return length;
}

size_t channel_ready(const struct channel *channel, size_t size)
{
    size_t there = channel->count;
    if (is_number(channel))
        return sizeof(uint64_t);
    if (channel->kind == CHANNEL_MESSAGES && there > 0)
        there = first_message(channel);
    return size < there ? size : there;
}

static void drop(struct channel *channel, size_t count)
{
    channel->count -= count;
    memmove(channel->bytes, channel->bytes + count, channel->count);
}

static size_t take_number(struct channel *channel, void *into)
{
    const uint64_t number = channel->kind == CHANNEL_TOKENS ? 1 : channel->count;
    memcpy(into, &number, sizeof number);
    channel->count -= number;
    return sizeof number;
}

size_t channel_take(struct channel *channel, void *into, size_t size, bool peek)
{
    const size_t taken = channel_ready(channel, size);
    channel->changes++;
    if (is_number(channel))
        return take_number(channel, into);
    const bool message = channel->kind == CHANNEL_MESSAGES;
    memcpy(into, channel->bytes + (message ? sizeof(uint32_t) : 0), taken);
    if (!peek)
        drop(channel, message ? sizeof(uint32_t) + first_message(channel) : taken);
    return taken;
}

static void append(struct channel *channel, const void *data, size_t size)
{
    memcpy(channel->bytes + channel->count, data, size);
    channel->count += size;
}

size_t channel_put(struct channel *channel, const void *data, size_t size)
{
    channel->changes++;
    if (is_number(channel)) {
        uint64_t number;
        memcpy(&number, data, sizeof number);
        channel->count += number;
        return sizeof number;
    }
    const uint32_t length = (uint32_t)size;
    if (channel->kind == CHANNEL_MESSAGES)
        append(channel, &length, sizeof length);
    append(channel, data, size);
    return size;
}
