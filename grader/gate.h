/*
 * gate.h: what a compiled hand-in may not hold, looked for before it is linked to anything (libelf).
 *
 * The gate is there for hand-ins that want to be graded without doing the work: code that runs before the tests or
 * after them, tests of its own, and calls by which a program gets around the rest. Honest code, right or wrong, does
 * not meet it; what it may call is in symbol_groups.def. Names it defines beside the lab's are no matter: contract.h.
 *
 *   main                                   it has one of its own
 *   constructors, destructors, ifuncs      code that runs unasked
 *   names of the sanitizers                the compiler itself would call them
 *   common and unique symbols              shared by name with the rest of the program
 *   calls outside of the lab's `symbols`
 *   sections of its own, code in data      Criterion finds tests by a section
 *   assembly                               calls that no symbol shows; allowed by the group `assembly`
 *   functions of the lab that are missing
 */
#ifndef GRADER_GATE_H
#define GRADER_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest.h"
#include "report.h"
#include "workspace.h"

/* One object of the hand-in. */
struct gate_object {
    const char *path;
    const char *listing; /* the compiler's assembly of just this object; NULL: not looked at */
    bool sanitized;      /* with -fsanitize=thread, which adds calls and a constructor of its own */
};

/* gate_check: adds a finding for what is wrong with the hand-in's objects, at most one for each kind, each with all of
 * the stage's points as its cost. All objects come from one source file. Returns false with `*error` set (caller frees)
 * if an object cannot be read. Blocks on file reads. */
bool gate_check(struct stage_result *result, const struct manifest *manifest, const struct workspace *workspace,
                const struct gate_object *objects, size_t count, char **error);

#endif
