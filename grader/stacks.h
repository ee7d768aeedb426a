/*
 * stacks.h: where threads stand, in the words of a source file (elfutils: libdw, libdwfl).
 */
#ifndef GRADER_STACKS_H
#define GRADER_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STACKS_FRAMES = 24 };

struct stack_frame {
    char *function; /* NULL if unknown */
    char *file;     /* path as the compiler saw it, NULL if unknown */
    int line;       /* 0 if unknown */
};

struct stack {
    pid_t process, thread;
    struct stack_frame frames[STACKS_FRAMES]; /* innermost first */
    size_t count;
};

struct stacks {
    struct stack *items;
    size_t count;
};

/* stacks_of_tree: the stacks of all threads of all processes in the tree rooted at `root`, read by ptrace
 * (allowed for a descendant even under yama ptrace_scope 1). Threads are stopped while they are looked
 * at and go on afterwards. At most 64 processes and 256 threads. A process that cannot be read is left
 * out, and so is a thread that cannot be stopped (uninterruptible sleep, e.g. within vfork). Paths are taken
 * as the process sees them, in a sandbox too. Release with stacks_release. Blocks for about 0.1 s a process.
 *
 * All functions are thread safe and use nothing but the files themselves: no separate debugging information, no
 * network. */
struct stacks stacks_of_tree(pid_t root);

void stacks_release(struct stacks *stacks);

/* stacks_resolve: turns addresses relative to the load address of `executable` (as harness/crash.h writes
 * them; all but the first are return addresses) into frames. Returns how many were filled, up to
 * STACKS_FRAMES; inlined functions are not expanded. Strings are owned by `into`, release with
 * stack_release. */
size_t stacks_resolve(const char *executable, const uint64_t *addresses, size_t count, struct stack *into);

void stack_release(struct stack *stack);

/* stack_frame_is_in: whether `frame` is known to be in a file of that name, in whatever directory. */
bool stack_frame_is_in(const struct stack_frame *frame, const char *name);

/* stacks_function_line: the line in its source file where `function` is defined in the object or executable
 * at `path` (DW_AT_decl_line), and the file's path in `*file` if not NULL (caller frees). Returns 0 if it
 * is not there. */
int stacks_function_line(const char *path, const char *function, char **file);

#endif
