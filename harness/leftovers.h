/*
 * leftovers.h: counts what stays in the system when all processes that used it have ended, because it has a name or a
 * number there and nobody took it away, so that a test can show that nothing was left behind.
 */
#ifndef HARNESS_LEFTOVERS_H
#define HARNESS_LEFTOVERS_H

/* Of the user of the calling process. */
struct leftovers {
    int names;     /* files in /dev/shm: shm_open, sem_open */
    int temporary; /* files in /tmp: mkstemp and the like */
    int segments;  /* of System V shared memory (/proc/sysvipc, see sysvipc(7)) */
    int sets;      /* of System V semaphores */
    int queues;    /* of System V messages */
};

/* leftovers_take: counts now. What cannot be read counts as empty. Blocks no longer than files are read; thread safe.
 */
struct leftovers leftovers_take(void);

/* leftovers_since: what there is more of than in `before`, in words, how many more, and what takes it away; NULL if
 * there is no more of anything, for which it waits up to a second. NULL, too, where the program runs outside of the
 * grader's sandbox: what there is more of may be other programs' there. The text is static: one thread at a time. */
const char *leftovers_since(const struct leftovers *before);

#endif
