/*
 * cgroup.h: control groups, which bound the whole tree of a started program: memory, tasks, CPU time.
 *
 * Theory of operation. A control group is a directory the kernel makes; who is in it, and what is started by those who
 * are, is counted together. There is one for each started program, made by its supervisor:
 *
 *     the group the grader itself is in            found once by the grader (cgroup_word), told to each supervisor
 *       `-- lockstep.NAMESPACE.PID.START           made, limited, read and removed by the supervisor with that process
 * id program, its children, ...           in it before anything of a stranger's runs (cgroup_fork)
 *
 * With version 2 of control groups there is one hierarchy for all, with version 1 one for each controller, and both may
 * stand side by side: each thing that can be bounded or read is taken where it is found (enum cgroup_tree). A user who
 * may write to none of them has no groups; then everything here does nothing, and limits are those of single processes.
 *
 * What a supervisor that was killed left behind is recognised by its name, as the supervisor (process id, its start and
 * the namespace it lives in) is not there any more; the next grader kills and removes it (cgroup_sweep).
 *
 * Functions do not fail for what is missing. They block for some 10 us, cgroup_remove until the group is empty. All but
 * cgroup_fork are thread safe.
 */
#ifndef GRADER_CGROUP_H
#define GRADER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup_place.h"

/* What of a group is in force. */
enum cgroup_hold { CGROUP_HOLDS_MEMORY = 1, CGROUP_HOLDS_TASKS = 2, CGROUP_HOLDS_CPU = 4, CGROUP_HOLDS_ALL = 7 };

struct cgroup {
    char *path[CGROUP_TREES];    /* NULL: none, or that of another hierarchy */
    int directory[CGROUP_TREES]; /* those, open; -1: none */
    int cpu;                     /* open file of its CPU time, -1: none */
    int tasks;                   /* open file of how many tasks it has, -1: none */
    int oom;                     /* open file that counts what was killed for lack of memory, -1: none */
    uint64_t memory;             /* its limit, bytes */
    unsigned holds;              /* of enum cgroup_hold */
};

/* cgroup_sweep: ends and removes groups whose supervisors are gone. */
void cgroup_sweep(const struct cgroup_place *place);

/* cgroup_word: the place of the running process as one argument of a command line; found, and swept, in the first
 * call. Empty with LOCKSTEP_CGROUPS=off in the environment: then there are no groups. Static. */
const char *cgroup_word(void);

/* cgroup_sweep_own: cgroup_sweep of that place. */
void cgroup_sweep_own(void);

/* cgroup_create: an empty group of the calling process. Where it cannot be made it has nothing of it. */
void cgroup_create(struct cgroup *group, const struct cgroup_place *place);

/* cgroup_limit: bounds memory (bytes, without swap; UINT64_MAX: not) and tasks (processes and threads), and opens what
 * is read later. Sets group->holds. */
void cgroup_limit(struct cgroup *group, uint64_t memory, uint64_t tasks);

/* cgroup_fork: as fork(), but the child is in the group. The caller must have one thread only. */
pid_t cgroup_fork(const struct cgroup *group);

/* cgroup_cpu_seconds: CPU time used by all that is or was in it; -1 if unknown. */
double cgroup_cpu_seconds(const struct cgroup *group);

/* cgroup_tasks: how many tasks (processes and threads) are in it, not yet waited for ones too; UINT64_MAX if unknown.
 */
uint64_t cgroup_tasks(const struct cgroup *group);

/* cgroup_out_of_memory: whether something in it was killed because its own limit was reached. */
bool cgroup_out_of_memory(const struct cgroup *group);

/* cgroup_memory_peak: bytes of memory it held at most; 0 if unknown. */
uint64_t cgroup_memory_peak(const struct cgroup *group);

/* cgroup_kill: kills all that is in it, once. From then on no process in it can fork, where tasks are bounded. */
void cgroup_kill(const struct cgroup *group);

/* cgroup_remove: kills what is in it, removes it, and releases `group`. Gives up after 5 s. */
void cgroup_remove(struct cgroup *group);

#endif
