#include "process_activity.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "process_tree.h"

enum { LATE_MS = 3 * PROCESS_ACTIVITY_MS, LOOKS_WITHOUT_LISTING = 16 };

/* The threads that are able to run at one look. */
struct able {
    size_t count;
    pid_t threads[PROCESS_ACTIVITY_THREADS];
    cpu_set_t cpus;  /* that one of them may use */
    cpu_set_t taken; /* that one of them is on, as far as they have been looked at */
};

/* The CPU that a thread on `cpu` should be on: another one if that has a thread of the program already. */
static int free_cpu(const struct able *able, const cpu_set_t *allowed, int cpu)
{
    for (int c = 0; CPU_ISSET(cpu, &able->taken) && c < CPU_SETSIZE; c++)
        if (CPU_ISSET(c, allowed) && !CPU_ISSET(c, &able->taken))
            return c;
    return cpu;
}

static bool can_be_moved(const struct process_activity *activity, pid_t thread)
{
    for (size_t i = 0; thread != activity->program && i < activity->able_count; i++)
        if (activity->able[i] == thread)
            return true;
    return false;
}

/* The kernel moves a thread when the CPU that it is on is not allowed any more. */
static void move(pid_t thread, int cpu, const cpu_set_t *allowed)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(thread, sizeof only, &only) == 0)
        sched_setaffinity(thread, sizeof *allowed, allowed);
}

static void add_thread(const struct process_activity *activity, struct able *able, pid_t thread, int cpu)
{
    cpu_set_t allowed;
    if (sched_getaffinity(thread, sizeof allowed, &allowed) != 0)
        return;
    const int better = can_be_moved(activity, thread) ? free_cpu(able, &allowed, cpu) : cpu;
    if (better != cpu)
        move(thread, better, &allowed);
    able->threads[able->count++] = thread;
    CPU_SET(better, &able->taken);
    CPU_OR(&able->cpus, &able->cpus, &allowed);
}

/* Looks at each thread that is known, and forgets those that have ended. */
static void find_able(struct process_activity *activity, struct able *able)
{
    size_t kept = 0;
    for (size_t i = 0; i < activity->thread_count; i++) {
        const struct process_activity_thread thread = activity->threads[i];
        struct process_stat stat;
        if (!process_tree_read_stat(thread.stat, &stat)) {
            close(thread.stat);
            continue;
        }
        activity->threads[kept++] = thread;
        if (stat.state == 'R')
            add_thread(activity, able, thread.id, stat.cpu);
    }
    activity->thread_count = kept;
}

/* How many CPUs the threads that are able to run can make use of at once. */
static int usable_cpus(const struct able *able)
{
    const int cpus = CPU_COUNT(&able->cpus), threads = (int)able->count;
    return threads < cpus ? threads : cpus;
}

static double clock_of(pid_t process)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void meet_process(struct process_activity *activity, pid_t process)
{
    for (size_t i = 0; i < activity->count; i++)
        if (activity->clocks[i].process == process)
            return;
    if (activity->count < PROCESS_ACTIVITY_PROCESSES)
        activity->clocks[activity->count++] = (struct process_activity_clock){.process = process};
}

static void meet_thread(struct process_activity *activity, pid_t process, pid_t id)
{
    for (size_t i = 0; i < activity->thread_count; i++)
        if (activity->threads[i].id == id)
            return;
    const int stat = activity->thread_count < PROCESS_ACTIVITY_THREADS ? process_tree_open_thread(process, id) : -1;
    if (stat >= 0)
        activity->threads[activity->thread_count++] = (struct process_activity_thread){.id = id, .stat = stat};
}

static void meet_threads(struct process_activity *activity, pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]))
            meet_thread(activity, process, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(threads);
}

/* The sandbox that the program is in: its parent and so on, up to the supervisor. */
static void find_sandbox(struct process_activity *activity)
{
    struct process_stat stat = {.parent = activity->program};
    for (size_t i = 0;
         i < PROCESS_ACTIVITY_SANDBOX && process_tree_stat(stat.parent, &stat) && stat.parent != activity->supervisor;
         i++)
        activity->sandbox[i] = stat.parent;
}

static bool is_sandbox(const struct process_activity *activity, pid_t process)
{
    for (size_t i = 0; i < PROCESS_ACTIVITY_SANDBOX; i++)
        if (activity->sandbox[i] == process)
            return true;
    return false;
}

/* Adds what is not known yet. What is stays even if it is not listed: a listing is no snapshot, and what it leaves out
 * must not count as new the next time. */
static void list_all(struct process_activity *activity)
{
    pid_t pids[PROCESS_ACTIVITY_PROCESSES + 1]; /* with the supervisor */
    const size_t listed = process_tree_list(activity->supervisor, pids, PROCESS_ACTIVITY_PROCESSES + 1);
    for (size_t i = 1; i < listed; i++) {
        if (is_sandbox(activity, pids[i]))
            continue;
        meet_process(activity, pids[i]);
        meet_threads(activity, pids[i]);
    }
}

/* Lists them if something has been started on the machine since the last listing, and once more at the next look: what
 * is just being started has its number before it is listed. */
static void meet(struct process_activity *activity)
{
    const pid_t newest = process_tree_newest(activity->newest_file);
    const bool changed = newest < 0 || newest != activity->newest;
    if (changed || activity->listed_ago == 0 || activity->listed_ago >= LOOKS_WITHOUT_LISTING) {
        list_all(activity);
        activity->listed_ago = changed ? 0 : 1;
    } else {
        activity->listed_ago++;
    }
    activity->newest = newest;
}

/* Reads the clock of each process, forgets those that have ended, and returns the CPU seconds used since the last look.
 * What a process used between the last look and its end is not seen. */
static double read_clocks(struct process_activity *activity)
{
    size_t kept = 0;
    double used = 0.0;
    for (size_t i = 0; i < activity->count; i++) {
        struct process_activity_clock clock = activity->clocks[i];
        const double before = clock.cpu;
        clock.cpu = clock_of(clock.process);
        if (clock.cpu < 0)
            continue;
        used += clock.cpu - before;
        activity->clocks[kept++] = clock;
    }
    activity->count = kept;
    return used;
}

void process_activity_start(struct process_activity *activity, pid_t supervisor, pid_t program)
{
    *activity = (struct process_activity){.supervisor = supervisor,
                                          .program = program,
                                          .newest = -1,
                                          .newest_file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC)};
    find_sandbox(activity);
    meet(activity);
    read_clocks(activity);
    activity->last = uv_hrtime();
}

void process_activity_look(struct process_activity *activity)
{
    struct able able = {0};
    meet(activity);
    find_able(activity, &able);
    const uint64_t now = uv_hrtime();
    const double used = read_clocks(activity), passed = (double)(now - activity->last) / 1e9;
    const int cpus = usable_cpus(&able);
    /* when the grader itself came late, one look does not tell what was going on in between */
    const bool in_time = passed < LATE_MS / 1e3 || activity->able_count == 0;
    activity->last = now;
    activity->able_count = able.count;
    memcpy(activity->able, able.threads, able.count * sizeof *able.threads);
    activity->cpu += used;
    activity->parallel += used * (cpus > 1 ? cpus : 1);
    if (cpus == 0 && in_time && passed > used)
        activity->asleep += passed - used;
}

void process_activity_end(struct process_activity *activity)
{
    for (size_t i = 0; i < activity->thread_count; i++)
        close(activity->threads[i].stat);
    activity->thread_count = 0;
    if (activity->supervisor != 0 && activity->newest_file >= 0)
        close(activity->newest_file);
    activity->supervisor = 0;
}

double process_activity_quiet_seconds(double asleep, double cpu, double parallel)
{
    return asleep + (parallel > 0 ? cpu * cpu / parallel : 0.0);
}
