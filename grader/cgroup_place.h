/*
 * cgroup_place.h: where on this machine control groups can be made (cgroup.h).
 *
 * Version 2 of control groups gives a group's children no controllers while processes are in the group itself. Where
 * the grader's group was handed to it (`delegated`: systemd's Delegate=yes, the top of a container, a group of an outer
 * supervisor), the processes in it are moved to its child lockstep.main, which goes when the group goes. Elsewhere
 * nothing is moved.
 */
#ifndef GRADER_CGROUP_PLACE_H
#define GRADER_CGROUP_PLACE_H

#define CGROUP_PREFIX "lockstep." /* names of our groups begin so */

enum cgroup_tree {
    CGROUP_V2,     /* version 2: kills, CPU time; memory and tasks where their controllers are enabled */
    CGROUP_MEMORY, /* version 1 */
    CGROUP_PIDS,   /* version 1 */
    CGROUP_CPU,    /* version 1: cpuacct */
    CGROUP_TREES
};

/* Where groups are made: a directory for each hierarchy, NULL for none. */
struct cgroup_place {
    char *base[CGROUP_TREES];
};

/* cgroup_find: looks where this process may make groups, and enables controllers there. `own` and `mounts` are paths of
 * files like /proc/self/cgroup and /proc/self/mountinfo. Release with cgroup_place_release. */
void cgroup_find(struct cgroup_place *place, const char *own, const char *mounts);
void cgroup_place_release(struct cgroup_place *place);

/* cgroup_read_word: the place that a word of cgroup_word stands for. Release with cgroup_place_release. */
void cgroup_read_word(struct cgroup_place *place, const char *word);

#endif
