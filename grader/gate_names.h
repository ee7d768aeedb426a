/*
 * gate_names.h: whose a symbol is.
 */
#ifndef GRADER_GATE_NAMES_H
#define GRADER_GATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Names defined by the harness, read from its objects. */
struct gate_names {
    char **harness;
    size_t count;
};

/* gate_names_read: reads what libharness.a, test.o and bench.o in `directory` define. Returns false with `*error` set
 * (caller frees) if one cannot be read. Release with gate_names_release in any case. */
bool gate_names_read(struct gate_names *names, const char *directory, char **error);
void gate_names_release(struct gate_names *names);

/* gate_names_owner: who defines `symbol`, as words that follow `of`: `the C library`, `the harness`, ...; NULL: nobody
 * the grader knows. Static. */
const char *gate_names_owner(const struct gate_names *names, const char *symbol);

#endif
