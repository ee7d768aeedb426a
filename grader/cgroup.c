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
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { FILE_BYTES = 4096, LINE_BYTES = 4096, ENABLE_ROUNDS = 8, REMOVE_ROUNDS = 5000, ROUND_MS = 1 };

static const char prefix[] = "lockstep.", leaf[] = "lockstep.main";

/* ---- small files ---- */

static char *join(const char *directory, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int open_in(const char *directory, const char *name, int flags)
{
    char *path = join(directory, name);
    const int fd = path != NULL ? open(path, flags | O_CLOEXEC) : -1;
    const int cause = errno;
    free(path);
    errno = cause;
    return fd;
}

static bool put(const char *directory, const char *name, const char *text)
{
    const int fd = open_in(directory, name, O_WRONLY | O_TRUNC);
    if (fd < 0)
        return false;
    const bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    const int cause = errno;
    close(fd);
    errno = cause;
    return written;
}

/* Reads the beginning of an open file into `text`, which is empty if that fails. */
static void get(int fd, char text[FILE_BYTES])
{
    const ssize_t length = fd >= 0 ? pread(fd, text, FILE_BYTES - 1, 0) : -1;
    text[length > 0 ? length : 0] = '\0';
}

static void get_in(const char *directory, const char *name, char text[FILE_BYTES])
{
    const int fd = open_in(directory, name, O_RDONLY);
    get(fd, text);
    if (fd >= 0)
        close(fd);
}

/* The number behind `key` at the start of a line; the first of all with an empty key. 0 if it is not there. */
static uint64_t number_of(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
        if (length == 0 || (strncmp(line, key, length) == 0 && line[length] == ' '))
            return strtoull(line + length, NULL, 10);
    return 0;
}

static bool has_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
        if ((at == text || strchr(" ,+\n", at[-1]) != NULL) && strchr(" ,\n", at[length]) != NULL)
            return true;
    return false;
}

/* ---- where groups can be made ---- */

/* The own group in the hierarchy of `controller` (empty: version 2) as /proc/self/cgroup names it; caller frees. */
static char *own_group(FILE *own, const char *controller)
{
    char line[LINE_BYTES];
    rewind(own);
    while (fgets(line, sizeof line, own) != NULL) {
        char *controllers = strchr(line, ':'), *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        *path++ = '\0';
        if (*controller == '\0' ? controllers[1] == '\0' : has_word(controllers + 1, controller))
            return strdup(path);
    }
    return NULL;
}

/* Where the own group `group` is, if a line of mountinfo is about its hierarchy; caller frees. */
static char *group_on_mount(char *line, const char *group, const char *controller)
{
    char root[LINE_BYTES], point[LINE_BYTES], kind[64], options[LINE_BYTES], *path;
    const char *rest = strstr(line, " - ");
    if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 ||
        sscanf(rest, " - %63s %*s %4095s", kind, options) != 2)
        return NULL;
    if (*controller == '\0' ? strcmp(kind, "cgroup2") != 0
                            : strcmp(kind, "cgroup") != 0 || !has_word(options, controller))
        return NULL;
    const size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, length) != 0 || (group[length] != '/' && group[length] != '\0') ||
        strstr(group, "/..") != NULL)
        return NULL; /* outside of what can be seen here */
    const char *below = strcmp(group + length, "/") == 0 ? "" : group + length;
    return asprintf(&path, "%s%s", point, below) < 0 ? NULL : path;
}

/* The directory of the own group; NULL if groups cannot be made in it. */
static char *find_base(FILE *own, FILE *mounts, const char *controller)
{
    char line[LINE_BYTES], *base = NULL, *group = own_group(own, controller);
    rewind(mounts);
    while (group != NULL && base == NULL && fgets(line, sizeof line, mounts) != NULL)
        base = group_on_mount(line, group, controller);
    free(group);
    const char *last = base != NULL ? strrchr(base, '/') : NULL;
    if (last != NULL && strcmp(last + 1, leaf) == 0)
        base[last - base] = '\0';
    if (base == NULL || access(base, W_OK) == 0)
        return base;
    free(base);
    return NULL;
}

/* Whether the group was handed to whoever runs us, to be divided at will. */
static bool delegated(const char *base)
{
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    const char *name = strrchr(base, '/') + 1;
    char value[2] = "", *type = join(base, "cgroup.type"), *parent = join(base, "../cgroup.procs");
    /* the top of what is mounted here, but not of the machine's hierarchy, which has no type */
    bool found = type != NULL && parent != NULL && access(type, F_OK) == 0 && access(parent, F_OK) != 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        found = found || (getxattr(base, marks[i], value, 1) == 1 && value[0] == '1');
    free(parent);
    free(type);
    return found || strncmp(name, prefix, strlen(prefix)) == 0;
}

static void move_to_leaf(const char *base)
{
    char text[FILE_BYTES], *rest = NULL, *inner = join(base, leaf);
    if (inner != NULL && (mkdir(inner, 0755) == 0 || errno == EEXIST)) {
        get_in(base, "cgroup.procs", text);
        for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
            put(inner, "cgroup.procs", line);
    }
    free(inner);
}

/* Whether children of the version 2 group have controllers for memory and tasks. */
static bool enable_controllers(const char *base)
{
    char text[FILE_BYTES];
    get_in(base, "cgroup.controllers", text);
    if (!has_word(text, "memory") || !has_word(text, "pids"))
        return false;
    for (int round = 0; round < ENABLE_ROUNDS; round++) {
        get_in(base, "cgroup.subtree_control", text);
        if (has_word(text, "memory") && has_word(text, "pids"))
            return true;
        if (put(base, "cgroup.subtree_control", "+memory +pids"))
            return true;
        if (!delegated(base))
            return false;
        move_to_leaf(base);
    }
    return false;
}

void cgroup_find(struct cgroup_place *place, const char *own, const char *mounts)
{
    static const char *const controllers[] = {[CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids"};
    FILE *groups = fopen(own, "re"), *mounted = fopen(mounts, "re");
    *place = (struct cgroup_place){0};
    if (groups != NULL && mounted != NULL) {
        place->base[CGROUP_V2] = find_base(groups, mounted, "");
        const bool complete = place->base[CGROUP_V2] != NULL && enable_controllers(place->base[CGROUP_V2]);
        for (int tree = CGROUP_MEMORY; !complete && tree <= CGROUP_PIDS; tree++)
            place->base[tree] = find_base(groups, mounted, controllers[tree]);
        if (place->base[CGROUP_V2] == NULL)
            place->base[CGROUP_CPU] = find_base(groups, mounted, "cpuacct");
    }
    if (mounted != NULL)
        fclose(mounted);
    if (groups != NULL)
        fclose(groups);
}

void cgroup_place_release(struct cgroup_place *place)
{
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        free(place->base[tree]);
    *place = (struct cgroup_place){0};
}

/* ---- names, and what a killed supervisor left behind ---- */

static unsigned long own_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (unsigned long)status.st_ino : 0;
}

/* When a process started, in ticks of the kernel's clock; 0 if there is none, or only what is left of one. */
static unsigned long long start_of(long process)
{
    char path[64], text[FILE_BYTES], state;
    unsigned long long start = 0;
    snprintf(path, sizeof path, "/proc/%ld", process);
    get_in(path, "stat", text);
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
    char line[32], *file = join(path, "cgroup.procs");
    FILE *members = NULL;
    put(path, "pids.max", "0"); /* none of them can fork any more */
    if (!put(path, "cgroup.kill", "1") && file != NULL)
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
        char *below = entry->d_type == DT_DIR && entry->d_name[0] != '.' ? join(path, entry->d_name) : NULL;
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
            char *path = is_left_over(entry->d_name) ? join(place->base[tree], entry->d_name) : NULL;
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

void cgroup_read_word(struct cgroup_place *place, const char *word)
{
    *place = (struct cgroup_place){0};
    for (int tree = 0; tree < CGROUP_TREES && *word != '\0'; tree++) {
        const size_t length = strcspn(word, "\n");
        place->base[tree] = length > 0 ? strndup(word, length) : NULL;
        word += length + (word[length] == '\n');
    }
}

/* ---- one group ---- */

void cgroup_create(struct cgroup *group, const struct cgroup_place *place)
{
    char name[96];
    snprintf(name, sizeof name, "%s%lu.%ld.%llu", prefix, own_namespace(), (long)getpid(), start_of(getpid()));
    *group = (struct cgroup){.cpu = -1, .oom = -1};
    for (int tree = 0; tree < CGROUP_TREES; tree++) {
        char *path = place->base[tree] != NULL ? join(place->base[tree], name) : NULL;
        if (path != NULL && mkdir(path, 0755) == 0) {
            group->path[tree] = path;
        } else { /* also if two controllers share one hierarchy */
            free(path);
        }
    }
}

/* Names of files tell version and controller: each is in one of the group's directories at most. */
static bool put_somewhere(const struct cgroup *group, const char *name, const char *text)
{
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        if (group->path[tree] != NULL && put(group->path[tree], name, text))
            return true;
    return false;
}

static int open_somewhere(const struct cgroup *group, const char *name)
{
    int fd = -1;
    for (int tree = 0; tree < CGROUP_TREES && fd < 0; tree++)
        if (group->path[tree] != NULL)
            fd = open_in(group->path[tree], name, O_RDONLY);
    return fd;
}

static void get_somewhere(const struct cgroup *group, const char *name, char text[FILE_BYTES])
{
    const int fd = open_somewhere(group, name);
    get(fd, text);
    if (fd >= 0)
        close(fd);
}

static int open_first(const struct cgroup *group, const char *const names[2])
{
    const int fd = open_somewhere(group, names[0]);
    return fd >= 0 ? fd : open_somewhere(group, names[1]);
}

static bool limit_memory(const struct cgroup *group, const char *bytes)
{
    if (put_somewhere(group, "memory.max", bytes)) {
        put_somewhere(group, "memory.swap.max", "0");
        return true;
    }
    if (!put_somewhere(group, "memory.limit_in_bytes", bytes))
        return false;
    put_somewhere(group, "memory.memsw.limit_in_bytes", bytes);
    return true;
}

void cgroup_limit(struct cgroup *group, uint64_t memory, uint64_t tasks)
{
    char number[32];
    group->memory = memory;
    snprintf(number, sizeof number, "%" PRIu64, memory);
    if (memory != UINT64_MAX && limit_memory(group, number))
        group->holds |= CGROUP_HOLDS_MEMORY;
    snprintf(number, sizeof number, "%" PRIu64, tasks);
    if (put_somewhere(group, "pids.max", number))
        group->holds |= CGROUP_HOLDS_TASKS;
    group->cpu = open_first(group, (const char *const[]){"cpu.stat", "cpuacct.usage"});
    if (group->cpu >= 0)
        group->holds |= CGROUP_HOLDS_CPU;
    group->oom = open_first(group, (const char *const[]){"memory.events", "memory.oom_control"});
}

/* A child that is in the group of version 2 from its first instruction. To move a process takes a lock of the whole
 * machine, for which one waits some ms. Fails with another error than EAGAIN where there is no such call. */
static pid_t fork_into(const char *path)
{
    const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)(unsigned)directory};
    const pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    const int cause = errno;
    close(directory);
    errno = cause;
    return child;
}

pid_t cgroup_fork(const struct cgroup *group)
{
    pid_t child = -1;
    const char *unified = group->path[CGROUP_V2];
    const bool tried = unified != NULL;
    if (tried)
        child = fork_into(unified);
    const bool within = tried && child >= 0;
    if (child < 0 && (!tried || errno != EAGAIN))
        child = fork();
    if (child != 0)
        return child;
    if (tried && !within)
        put(unified, "cgroup.procs", "0");
    for (int tree = CGROUP_V2 + 1; tree < CGROUP_TREES; tree++)
        if (group->path[tree] != NULL && !put(group->path[tree], "tasks", "0")) /* without the lock; see fork_into */
            put(group->path[tree], "cgroup.procs", "0");
    return 0;
}

double cgroup_cpu_seconds(const struct cgroup *group)
{
    char text[FILE_BYTES];
    get(group->cpu, text);
    if (*text == '\0')
        return -1.0;
    return strncmp(text, "usage_usec", 10) == 0 ? (double)number_of(text, "usage_usec") / 1e6
                                                : (double)number_of(text, "") / 1e9;
}

/* Version 1 counts failures not in the same way on all kernels: there the use must have come near the limit. Or else it
 * was the machine that ran out of memory. */
bool cgroup_out_of_memory(const struct cgroup *group)
{
    static const char *const peaks[] = {"memory.max_usage_in_bytes", "memory.memsw.max_usage_in_bytes"};
    char text[FILE_BYTES];
    if ((group->holds & CGROUP_HOLDS_MEMORY) == 0)
        return false;
    get(group->oom, text);
    if (number_of(text, "oom_kill") == 0)
        return false;
    bool reached = number_of(text, "max") > 0;
    for (size_t i = 0; !reached && i < sizeof peaks / sizeof *peaks; i++) {
        get_somewhere(group, peaks[i], text);
        reached = number_of(text, "") >= group->memory - group->memory / 16;
    }
    return reached;
}

uint64_t cgroup_memory_peak(const struct cgroup *group)
{
    char text[FILE_BYTES];
    get_somewhere(group, "memory.peak", text);
    if (*text == '\0')
        get_somewhere(group, "memory.max_usage_in_bytes", text);
    return number_of(text, "");
}

void cgroup_kill(const struct cgroup *group)
{
    put_somewhere(group, "pids.max", "0");
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
    }
    if (group->cpu >= 0)
        close(group->cpu);
    if (group->oom >= 0)
        close(group->oom);
    *group = (struct cgroup){.cpu = -1, .oom = -1};
}
