/* results.h: what the explored program told on its fd 3 (see main.c). */
#ifndef EXPLORE_RESULTS_H
#define EXPLORE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct told {
    int thread;
    uintptr_t pc;
    char *words;
};

struct results {
    char *kind, *text, *token, *effect, *effect_token; /* NULL: not told */
    struct told *places, *events;
    size_t place_count, event_count;
    unsigned long long schedules, cut;
    bool complete, timeout;
};

/* results_read: false if the file cannot be read. results_release: frees all strings. */
bool results_read(const char *path, struct results *results);
void results_release(struct results *results);

#endif
