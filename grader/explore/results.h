/*
 * results.h: what an explored program told in its results file (harness/explore/main.c writes it).
 */
#ifndef GRADER_EXPLORE_RESULTS_H
#define GRADER_EXPLORE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct told {
    int thread;
    uintptr_t pc; /* a return address, for lines_at */
    char *words;
};

struct results {
    char *kind, *text, *token, *effect, *effect_token; /* NULL: not told */
    struct told *places, *events;
    size_t place_count, event_count;
    uintptr_t *covered; /* return addresses of the accesses that some schedule made */
    size_t covered_count;
    unsigned long long schedules, cut;
    bool complete, timeout;
};

/* results_read: false if the file cannot be read; lines that are not understood are left out. Texts are cleaned
 * (text_clean): the program under test may have written the file. results_release: frees what it owns. */
bool results_read(const char *path, struct results *results);
void results_release(struct results *results);

#endif
