/*
 * process_output.h: keeps the head and the tail of what a program prints, in bounded memory.
 */
#ifndef GRADER_PROCESS_OUTPUT_H
#define GRADER_PROCESS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process_output {
    uint64_t bytes;              /* how much came */
    size_t head_room, tail_room; /* most that is kept of each end */
    char *head, *tail;           /* owned; tail is a ring */
};

/* process_output_init: to keep at most `keep` bytes. Returns false without memory. */
bool process_output_init(struct process_output *output, size_t keep);

/* process_output_add: notes that the program printed `size` bytes of `text`. Does not fail. */
void process_output_add(struct process_output *output, const char *text, size_t size);

/* process_output_text: what was kept, NUL-terminated, with the line `[... N bytes left out ...]` where bytes are
 * missing and spaces for NUL bytes. Caller frees; NULL without memory. */
char *process_output_text(const struct process_output *output);

void process_output_release(struct process_output *output);

#endif
