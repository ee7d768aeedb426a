#include "process_patience.h"

#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "process_tree.h"

double process_patience_share(size_t able, size_t own, size_t cpus)
{
    const size_t most = own > cpus ? own : cpus;
    return own == 0 || able <= most ? 1.0 : (double)most / (double)able;
}

/* The threads of the whole machine that are able to run, but for the one that asks; 0 if that cannot be told. */
static size_t able_on_machine(void)
{
    size_t able;
    FILE *file = fopen("/proc/loadavg", "re");
    const int read = file != NULL ? fscanf(file, "%*s %*s %*s %zu", &able) : 0;
    if (file != NULL)
        fclose(file);
    return read == 1 && able > 0 ? able - 1 : 0;
}

static double share_now(pid_t supervisor)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t cpus = online > 0 ? (size_t)online : 1, able = able_on_machine();
    return able > cpus ? process_patience_share(able, process_tree_able(supervisor), cpus) : 1.0;
}

void process_patience_start(struct process_patience *patience, pid_t supervisor, double deadline)
{
    const uint64_t now = uv_hrtime();
    *patience = (struct process_patience){.supervisor = supervisor, .deadline = deadline, .start = now, .last = now};
}

uint64_t process_patience_look(struct process_patience *patience)
{
    const uint64_t now = uv_hrtime();
    const double passed = (double)(now - patience->last) / 1e9, all = (double)(now - patience->start) / 1e9;
    if (passed > 0)
        patience->counted += passed * share_now(patience->supervisor);
    patience->last = now;
    const double left = patience->deadline - patience->counted;
    if (left <= 0 || all >= PROCESS_PATIENCE_MOST * patience->deadline)
        return 0;
    return left * 1e3 < PROCESS_PATIENCE_MS ? (uint64_t)(left * 1e3) + 1 : PROCESS_PATIENCE_MS;
}

double process_patience_excused(const struct process_patience *patience)
{
    return (double)(patience->last - patience->start) / 1e9 - patience->counted;
}
