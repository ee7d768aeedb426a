#include "process_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool process_output_init(struct process_output *output, size_t keep)
{
    *output = (struct process_output){.head_room = keep / 2, .tail_room = keep - keep / 2};
    output->head = malloc(keep / 2 + 1);
    output->tail = malloc(keep - keep / 2 + 1);
    if (output->head != NULL && output->tail != NULL)
        return true;
    process_output_release(output);
    return false;
}

void process_output_add(struct process_output *output, const char *text, size_t size)
{
    if (output->bytes < output->head_room) {
        const size_t room = output->head_room - (size_t)output->bytes, part = size < room ? size : room;
        memcpy(output->head + output->bytes, text, part);
        output->bytes += part;
        text += part;
        size -= part;
    }
    if (size > output->tail_room) { /* the rest would be overwritten in this very call */
        output->bytes += size - output->tail_room;
        text += size - output->tail_room;
        size = output->tail_room;
    }
    while (size > 0) {
        const size_t at = (size_t)((output->bytes - output->head_room) % output->tail_room);
        const size_t room = output->tail_room - at, part = size < room ? size : room;
        memcpy(output->tail + at, text, part);
        output->bytes += part;
        text += part;
        size -= part;
    }
}

/* Appends the ring's bytes in the order they came. */
static size_t append_tail(const struct process_output *output, char *text)
{
    const uint64_t after_head = output->bytes - output->head_room;
    if (after_head <= output->tail_room) {
        memcpy(text, output->tail, (size_t)after_head);
        return (size_t)after_head;
    }
    const size_t oldest = (size_t)(after_head % output->tail_room);
    memcpy(text, output->tail + oldest, output->tail_room - oldest);
    memcpy(text + output->tail_room - oldest, output->tail, oldest);
    return output->tail_room;
}

static size_t append_marker(const struct process_output *output, char *text, size_t length, size_t room)
{
    const uint64_t left_out = output->bytes - output->head_room - output->tail_room;
    const char *new_line = length > 0 && text[length - 1] != '\n' ? "\n" : "";
    return (size_t)snprintf(text + length, room, "%s[... %" PRIu64 " bytes left out ...]\n", new_line, left_out);
}

char *process_output_text(const struct process_output *output)
{
    enum { MARKER_ROOM = 64 };
    char *text = malloc(output->head_room + output->tail_room + MARKER_ROOM);
    size_t length = output->bytes < output->head_room ? (size_t)output->bytes : output->head_room;
    if (text == NULL)
        return NULL;
    memcpy(text, output->head, length);
    if (output->bytes > output->head_room + output->tail_room)
        length += append_marker(output, text, length, MARKER_ROOM);
    if (output->bytes > output->head_room)
        length += append_tail(output, text + length);
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    text[length] = '\0';
    return text;
}

void process_output_release(struct process_output *output)
{
    free(output->head);
    free(output->tail);
    *output = (struct process_output){0};
}
