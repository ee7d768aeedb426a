/*
 * sandbox.h: what a program of a stranger can see and do (bubblewrap; sandbox_filter.h; inside.h).
 *
 * Theory of operation. A process_spec with a `sandbox` is not started as it is, but as
 *
 *     bwrap NAMESPACES MOUNTS -- inside USER FILE PROGRAM ARGUMENTS
 *
 * in namespaces of its own for processes, mounts, network (a loopback that leads nowhere), System V and POSIX IPC and
 * host name. It finds the system's directories (/usr and what belongs to it, read-only), a /tmp, /dev/shm and /proc of
 * its own, eight harmless devices, and what the policy names, at the same paths as outside, so that what debugging
 * information says stays true. Nothing else: no home, no hand-in of others, no gradebook.
 *
 * An ordinary user's sandbox has a user namespace, in which the grader's user appears as SANDBOX_USER. Root's program
 * becomes the user SANDBOX_USER in earnest, a number that belongs to nobody; what it is to read must be readable, and
 * what it is to write must belong to it: sandbox_hand_over. Root without the right to mount (in a container) has what
 * an ordinary user has.
 */
#ifndef GRADER_SANDBOX_H
#define GRADER_SANDBOX_H

#include <stdbool.h>

/* Debian keeps 65000 to 65533 free of users. */
enum { SANDBOX_USER = 65530 };

/* What a program finds besides the system. Each list holds absolute paths and ends with NULL; NULL: an empty list. */
struct sandbox {
    const char *const *readable; /* files and directories, read-only */
    const char *const *writable; /* files and directories */
    const char *const *scratch;  /* empty directories in memory, which end with the program */
    bool network;                /* the machine's own network */
};

/* sandbox_available: whether programs run in a sandbox. Tries it out on the first call, which blocks for about 20 ms.
 * All functions are thread safe but sandbox_turn_off. */
bool sandbox_available(void);

/* sandbox_lack: why not, a sentence without a full stop; NULL if sandbox_available. Static. */
const char *sandbox_lack(void);

/* sandbox_user: in words, who a program in the sandbox is outside of it. Static. */
const char *sandbox_user(void);

/* sandbox_turn_off: from now on there is none, as the user wishes. Call before threads are started. */
void sandbox_turn_off(void);

/* sandbox_arguments: the words in front of a program and its arguments: bwrap, its options, `inside` and its first
 * three arguments. `directory` is where the program starts (absolute, or NULL for /tmp), `program` its name as for
 * execvp. Returns NULL where programs run without a sandbox. The caller frees the list, which NULL ends, and its
 * strings. */
char **sandbox_arguments(const struct sandbox *sandbox, const char *directory, const char *program);

/* sandbox_filter: the descriptor of sandbox_filter_create's file, to be passed on; the module keeps it. -1 without a
 * sandbox. */
int sandbox_filter(void);

/* sandbox_hand_over: lets programs in the sandbox write to the file or directory `path`, the grader's own. Does nothing
 * where they can already. Returns false with errno set. */
bool sandbox_hand_over(const char *path);

#endif
