/*
 * process_tree.h: who descends from whom, read from /proc.
 *
 * Parts come and go while one looks: a listing is no snapshot. Who must be sure (the supervisor, when it
 * kills) looks again until nothing is left. All functions are thread safe; they block for about 10 us a
 * thread of the tree (process_tree_scan: a process of the machine).
 */
#ifndef GRADER_PROCESS_TREE_H
#define GRADER_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_stat {
    pid_t parent, session;
    long threads;
    char state; /* of the main thread, as in /proc/PID/stat: R for able to run */
    int cpu;    /* the main thread has been on last */
    bool alive; /* false: a zombie, ended but not waited for */
};

/* process_tree_list: `root` and all its descendants, zombies too, parents before children; up to `max`
 * pids (at least 1) are stored in `pids`. Returns how many. */
size_t process_tree_list(pid_t root, pid_t *pids, size_t max);

/* process_tree_scan: the same, by looking at each process of the machine: slower, for kernels built
 * without /proc/PID/task/TID/children, on which process_tree_list falls back to it. */
size_t process_tree_scan(pid_t root, pid_t *pids, size_t max);

/* process_tree_kill: kills (SIGKILL) all descendants of `root` and, if `with_root`, itself, each in the moment it is
 * found, until no other turns up: so even processes that fork all the time are caught, each in a session of its own.
 * What `max` has no room for in `pids`, or what loses its parent to another subreaper than `root`, is left: wait for
 * those that have ended and call it again. Returns how many it found, with the root. */
size_t process_tree_kill(pid_t root, bool with_root, pid_t *pids, size_t max);

/* process_tree_stat: looks at one process. Returns false if there is none. */
bool process_tree_stat(pid_t pid, struct process_stat *stat);

/* process_tree_open_thread: one thread of a process, to look at many times. Returns a descriptor, which the caller
 * closes, or -1 if there is none. */
int process_tree_open_thread(pid_t pid, pid_t thread);

/* process_tree_read_stat: looks at that thread; `state` and `cpu` are the thread's. Returns false if it has ended. */
bool process_tree_read_stat(int fd, struct process_stat *stat);

/* process_tree_able: how many threads of the descendants of `root` are able to run; of the first 1024 processes. */
size_t process_tree_able(pid_t root);

/* process_tree_newest: the last process id given to a process or thread anywhere on the machine, read from the open
 * file /proc/loadavg; -1 if that fails. As long as it is the same nothing has been started. */
pid_t process_tree_newest(int fd);

/* process_tree_end_strays: kills and waits for the calling process's children of other sessions than its own, with
 * all their descendants. Such children are what a supervisor that was killed has left to the grader, which is a
 * subreaper too; the supervisors stay in the grader's session. Blocks until they are dead, 10 s at most. */
void process_tree_end_strays(void);

#endif
