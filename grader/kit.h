/*
 * kit.h: finds the labs and the built harness of this copy of Lockstep. All functions are thread safe.
 */
#ifndef GRADER_KIT_H
#define GRADER_KIT_H

#include <stdbool.h>

/* Where this copy of Lockstep stands. */
struct kit {
    char *top;     /* the directory with labs/, solutions/, harness/ */
    char *harness; /* built harness: libharness.a, test.o, bench.o, site */
};

/* kit_find: from LOCKSTEP_ROOT, or upwards from the grader's own executable. Returns false with
 * `*error` set (caller frees) if there is no kit or its harness is not built. Release with kit_release. */
bool kit_find(struct kit *kit, char **error);
void kit_release(struct kit *kit);

/* kit_labs: paths of all directories labs/labNN_stem that hold a lab.yaml, sorted, NULL-terminated; caller frees each
 * and the array. kit_lab: the one whose name is `lab` or starts with `lab_`; NULL if there is none. */
char **kit_labs(const struct kit *kit);
char *kit_lab(const struct kit *kit, const char *lab);

#endif
