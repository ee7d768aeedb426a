#include "process_activity.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "process_tree.h"

enum { LATE_MS = 3 * PROCESS_ACTIVITY_MS };

/* The threads that are able to run at one look. */
struct able {
    size_t looked_at, count; /* more than PROCESS_ACTIVITY_THREADS would take longer than it is to the next look */
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

static void add_thread(const struct process_activity *activity, struct able *able, pid_t process, pid_t thread)
{
    struct process_stat stat;
    cpu_set_t allowed;
    if (able->looked_at++ >= PROCESS_ACTIVITY_THREADS || !process_tree_thread_stat(process, thread, &stat) ||
        stat.state != 'R' || sched_getaffinity(thread, sizeof allowed, &allowed) != 0)
        return;
    const int cpu = can_be_moved(activity, thread) ? free_cpu(able, &allowed, stat.cpu) : stat.cpu;
    if (cpu != stat.cpu)
        move(thread, cpu, &allowed);
    able->threads[able->count++] = thread;
    CPU_SET(cpu, &able->taken);
    CPU_OR(&able->cpus, &able->cpus, &allowed);
}

static void add_process(const struct process_activity *activity, struct able *able, pid_t process)
{
    char path[64];
    struct process_stat stat;
    if (!process_tree_stat(process, &stat) || !stat.alive)
        return;
    if (stat.threads == 1) {
        add_thread(activity, able, process, process);
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]))
            add_thread(activity, able, process, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(threads);
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

/* Adds the processes that are not known yet. Those that are stay even if they are not listed: a listing is no snapshot,
 * and one that it leaves out must not count as new the next time. */
static void meet(struct process_activity *activity)
{
    pid_t pids[PROCESS_ACTIVITY_PROCESSES + 1]; /* with the supervisor */
    const size_t listed = process_tree_list(activity->supervisor, pids, PROCESS_ACTIVITY_PROCESSES + 1);
    const size_t known = activity->count;
    for (size_t i = 1; i < listed && activity->count < PROCESS_ACTIVITY_PROCESSES; i++) {
        size_t k = 0;
        while (k < known && activity->clocks[k].process != pids[i])
            k++;
        if (k == known)
            activity->clocks[activity->count++] = (struct process_activity_clock){.process = pids[i]};
    }
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
    *activity = (struct process_activity){.supervisor = supervisor, .program = program};
    meet(activity);
    read_clocks(activity);
    activity->last = uv_hrtime();
}

void process_activity_look(struct process_activity *activity)
{
    struct able able = {0};
    meet(activity);
    for (size_t i = 0; i < activity->count; i++)
        add_process(activity, &able, activity->clocks[i].process);
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

double process_activity_quiet_seconds(double asleep, double cpu, double parallel)
{
    return asleep + (parallel > 0 ? cpu * cpu / parallel : 0.0);
}
