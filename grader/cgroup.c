#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_files.h"

enum { REMOVE_ROUNDS = 5000, ROUND_MS = 1 };

static const char prefix[] = CGROUP_PREFIX;

/* ---- names, and what a killed supervisor left behind ---- */

static unsigned long own_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (unsigned long)status.st_ino : 0;
}

/* When a process started, in ticks of the kernel's clock; 0 if there is none, or only what is left of one. */
static unsigned long long start_of(long process)
{
    char path[64], text[CGROUP_FILE_BYTES], state;
    unsigned long long start = 0;
    snprintf(path, sizeof path, "/proc/%ld", process);
    cgroup_get_in(path, "stat", text);
    const char *after_name = strrchr(text, ')');
    if (after_name == NULL ||
        sscanf(after_name + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &start) != 2 ||
        state == 'Z' || state == 'X')
        return 0;
    return start;
}

static bool is_left_over(const char *name)
{
    unsigned long space;
    unsigned long long start;
    long process;
    return strncmp(name, prefix, strlen(prefix)) == 0 &&
           sscanf(name + strlen(prefix), "%lu.%ld.%llu", &space, &process, &start) == 3 && space == own_namespace() &&
           start_of(process) != start;
}

/* ---- the end of a group ---- */

static void kill_members(const char *path)
{
    char line[32], *file = cgroup_join(path, "cgroup.procs");
    FILE *members = NULL;
    cgroup_put(path, "pids.max", "0"); /* none of them can fork any more */
    if (!cgroup_put(path, "cgroup.kill", "1") && file != NULL)
        members = fopen(file, "re");
    while (members != NULL && fgets(line, sizeof line, members) != NULL) {
        const long process = strtol(line, NULL, 10);
        if (process > 1 && process != getpid())
            kill((pid_t)process, SIGKILL);
    }
    if (members != NULL)
        fclose(members);
    free(file);
}

/* Calls `act` for the group and all groups below it, those first. */
static void for_all(const char *path, void (*act)(const char *path))
{
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char *below = entry->d_type == DT_DIR && entry->d_name[0] != '.' ? cgroup_join(path, entry->d_name) : NULL;
        if (below != NULL)
            for_all(below, act);
        free(below);
    }
    if (directory != NULL)
        closedir(directory);
    act(path);
}

static void remove_one(const char *path)
{
    kill_members(path);
    rmdir(path); /* not while somebody in it is just ending */
}

/* Until it is gone, for 5 s at most. */
static void remove_group(const char *path)
{
    for (int round = 0; round < REMOVE_ROUNDS && rmdir(path) != 0; round++) {
        if (errno != EBUSY && errno != ENOTEMPTY)
            return; /* somebody else's, or gone */
        for_all(path, remove_one);
        nanosleep(&(struct timespec){.tv_nsec = ROUND_MS * 1000 * 1000}, NULL);
    }
}

void cgroup_sweep(const struct cgroup_place *place)
{
    for (int tree = 0; tree < CGROUP_TREES; tree++) {
        DIR *directory = place->base[tree] != NULL ? opendir(place->base[tree]) : NULL;
        for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
            char *path = is_left_over(entry->d_name) ? cgroup_join(place->base[tree], entry->d_name) : NULL;
            if (path != NULL)
                remove_group(path);
            free(path);
        }
        if (directory != NULL)
            closedir(directory);
    }
}

/* ---- the place of this process ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct cgroup_place own_place;
static char *own_word;

static void find_own(void)
{
    const char *wish = getenv("LOCKSTEP_CGROUPS");
    if (wish != NULL && strcmp(wish, "off") == 0)
        return;
    cgroup_find(&own_place, "/proc/self/cgroup", "/proc/self/mountinfo");
    cgroup_sweep(&own_place);
    const char *part[CGROUP_TREES];
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        part[tree] = own_place.base[tree] != NULL ? own_place.base[tree] : "";
    if (asprintf(&own_word, "%s\n%s\n%s\n%s", part[CGROUP_V2], part[CGROUP_MEMORY], part[CGROUP_PIDS],
                 part[CGROUP_CPU]) < 0)
        own_word = NULL;
}

const char *cgroup_word(void)
{
    pthread_once(&once, find_own);
    return own_word != NULL ? own_word : "";
}

void cgroup_sweep_own(void)
{
    pthread_once(&once, find_own);
    cgroup_sweep(&own_place);
}

/* ---- one group ---- */

static const struct cgroup nothing = {.directory = {-1, -1, -1, -1}, .cpu = -1, .tasks = -1, .oom = -1};
_Static_assert(CGROUP_TREES == 4, "as many as `nothing` has");

static void close_file(int fd)
{
    if (fd >= 0)
        close(fd);
}

void cgroup_create(struct cgroup *group, const struct cgroup_place *place)
{
    char name[96];
    snprintf(name, sizeof name, "%s%lu.%ld.%llu", prefix, own_namespace(), (long)getpid(), start_of(getpid()));
    *group = nothing;
    for (int tree = 0; tree < CGROUP_TREES; tree++) {
        char *path = place->base[tree] != NULL ? cgroup_join(place->base[tree], name) : NULL;
        if (path != NULL && mkdir(path, 0755) == 0) {
            group->path[tree] = path;
            group->directory[tree] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        } else { /* also if two controllers share one hierarchy */
            free(path);
        }
    }
}

/* A file has a name in version 2 (NULL: none) and one in version 1, where controllers may share a directory. */
static int open_file(const struct cgroup *group, const char *name2, const char *name1, int flags)
{
    int fd = -1;
    for (int tree = 0; tree < CGROUP_TREES && fd < 0; tree++) {
        const char *name = tree == CGROUP_V2 ? name2 : name1;
        if (group->directory[tree] >= 0 && name != NULL)
            fd = openat(group->directory[tree], name, flags | O_CLOEXEC);
    }
    return fd;
}

static bool put(const struct cgroup *group, const char *name2, const char *name1, const char *text)
{
    const int fd = open_file(group, name2, name1, O_WRONLY | O_TRUNC);
    const bool written = cgroup_write(fd, text);
    close_file(fd);
    return written;
}

static void get(const struct cgroup *group, const char *name2, const char *name1, char text[CGROUP_FILE_BYTES])
{
    const int fd = open_file(group, name2, name1, O_RDONLY);
    cgroup_get(fd, text);
    close_file(fd);
}

void cgroup_limit(struct cgroup *group, uint64_t memory, uint64_t tasks)
{
    char number[32];
    group->memory = memory;
    snprintf(number, sizeof number, "%" PRIu64, memory);
    if (memory != UINT64_MAX && put(group, "memory.max", "memory.limit_in_bytes", number)) {
        group->holds |= CGROUP_HOLDS_MEMORY;
        put(group, NULL, "memory.memsw.limit_in_bytes", number);
        put(group, "memory.swap.max", NULL, "0");
    }
    snprintf(number, sizeof number, "%" PRIu64, tasks);
    if (put(group, "pids.max", "pids.max", number)) {
        group->holds |= CGROUP_HOLDS_TASKS;
        group->tasks = open_file(group, "pids.current", "pids.current", O_RDONLY);
    }
    group->cpu = open_file(group, "cpu.stat", "cpuacct.usage", O_RDONLY);
    if (group->cpu >= 0)
        group->holds |= CGROUP_HOLDS_CPU;
    group->oom = open_file(group, "memory.events", "memory.oom_control", O_RDONLY);
}

/* A child that is in the group of version 2 from its first instruction. To move a process takes a lock of the whole
 * machine, for which one waits some ms. Fails with another error than EAGAIN where there is no such call. */
static pid_t fork_into(int directory)
{
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)(unsigned)directory};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

pid_t cgroup_fork(const struct cgroup *group)
{
    pid_t child = -1;
    const int unified = group->directory[CGROUP_V2];
    const bool tried = unified >= 0;
    if (tried)
        child = fork_into(unified);
    const bool within = tried && child >= 0;
    if (child < 0 && (!tried || errno != EAGAIN))
        child = fork();
    if (child != 0)
        return child;
    if (tried && !within)
        cgroup_put_at(unified, "cgroup.procs", "0");
    for (int tree = CGROUP_V2 + 1; tree < CGROUP_TREES; tree++)
        if (group->directory[tree] >= 0 &&
            !cgroup_put_at(group->directory[tree], "tasks", "0")) /* without the lock; see fork_into */
            cgroup_put_at(group->directory[tree], "cgroup.procs", "0");
    return 0;
}

double cgroup_cpu_seconds(const struct cgroup *group)
{
    char text[CGROUP_FILE_BYTES];
    cgroup_get(group->cpu, text);
    if (*text == '\0')
        return -1.0;
    return strncmp(text, "usage_usec", 10) == 0 ? (double)cgroup_number(text, "usage_usec") / 1e6
                                                : (double)cgroup_number(text, "") / 1e9;
}

uint64_t cgroup_tasks(const struct cgroup *group)
{
    char text[CGROUP_FILE_BYTES];
    cgroup_get(group->tasks, text);
    return *text != '\0' ? cgroup_number(text, "") : UINT64_MAX;
}

/* Version 1 counts failures not in the same way on all kernels: there the use must have come near the limit. Or else it
 * was the machine that ran out of memory. */
bool cgroup_out_of_memory(const struct cgroup *group)
{
    static const char *const peaks[] = {"memory.max_usage_in_bytes", "memory.memsw.max_usage_in_bytes"};
    char text[CGROUP_FILE_BYTES];
    if ((group->holds & CGROUP_HOLDS_MEMORY) == 0)
        return false;
    cgroup_get(group->oom, text);
    if (cgroup_number(text, "oom_kill") == 0)
        return false;
    bool reached = cgroup_number(text, "max") > 0;
    for (size_t i = 0; !reached && i < sizeof peaks / sizeof *peaks; i++) {
        get(group, NULL, peaks[i], text);
        reached = cgroup_number(text, "") >= group->memory - group->memory / 16;
    }
    return reached;
}

uint64_t cgroup_memory_peak(const struct cgroup *group)
{
    char text[CGROUP_FILE_BYTES];
    get(group, "memory.peak", "memory.max_usage_in_bytes", text);
    return cgroup_number(text, "");
}

void cgroup_kill(const struct cgroup *group)
{
    put(group, "pids.max", "pids.max", "0");
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        if (group->path[tree] != NULL)
            for_all(group->path[tree], kill_members);
}

void cgroup_remove(struct cgroup *group)
{
    for (int tree = 0; tree < CGROUP_TREES; tree++) {
        if (group->path[tree] != NULL)
            remove_group(group->path[tree]);
        free(group->path[tree]);
        close_file(group->directory[tree]);
    }
    close_file(group->cpu);
    close_file(group->tasks);
    close_file(group->oom);
    *group = nothing;
}
