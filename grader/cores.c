#include "cores.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int cores_of_quota(const char *text, int most)
{
    long long quota, period;
    if (sscanf(text, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0 || quota / period >= most)
        return most;
    return quota / period < 1 ? 1 : (int)(quota / period);
}

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const bool found = fgets(line, (int)size, file) != NULL;
    fclose(file);
    line[found ? strcspn(line, "\n") : 0] = '\0';
    return found;
}

/* The limit of the group at `path`: version 2 has one file for it, version 1 two. */
static int cores_of_group(const char *path, int most)
{
    char file[PATH_MAX + 32], quota[64], period[64], both[130];
    snprintf(file, sizeof file, "%s/cpu.max", path);
    if (read_line(file, both, sizeof both))
        return cores_of_quota(both, most);
    snprintf(file, sizeof file, "%s/cpu.cfs_quota_us", path);
    const bool found = read_line(file, quota, sizeof quota);
    snprintf(file, sizeof file, "%s/cpu.cfs_period_us", path);
    if (!found || !read_line(file, period, sizeof period))
        return most;
    snprintf(both, sizeof both, "%s %s", quota, period);
    return cores_of_quota(both, most);
}

/* The group `group` below the directory `root`, and all that it is in. */
static int cores_of_groups(const char *root, const char *group, int most)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", root, group) >= (int)sizeof path)
        return most;
    while (strlen(path) >= strlen(root)) {
        most = cores_of_group(path, most);
        *strrchr(path, '/') = '\0';
    }
    return most;
}

/* Whether one of the controllers in `list`, with commas between, is `cpu`. */
static bool has_cpu(const char *list)
{
    char padded[256];
    return snprintf(padded, sizeof padded, ",%s,", list) < (int)sizeof padded && strstr(padded, ",cpu,") != NULL;
}

/* Each line of /proc/self/cgroup is `NUMBER:CONTROLLERS:GROUP`; version 2 names no controllers. */
static int cores_of_line(char *line, int most)
{
    char *controllers = strchr(line, ':'), *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL || group[1] != '/')
        return most;
    *group++ = '\0';
    controllers++;
    if (*controllers == '\0')
        return cores_of_groups("/sys/fs/cgroup", group, cores_of_groups("/sys/fs/cgroup/unified", group, most));
    return has_cpu(controllers) ? cores_of_groups("/sys/fs/cgroup/cpu", group, most) : most;
}

int cores_allowed(void)
{
    char line[PATH_MAX + 256];
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int most = count > 0 ? count : 1;
    FILE *groups = fopen("/proc/self/cgroup", "re");
    while (groups != NULL && fgets(line, sizeof line, groups) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        most = cores_of_line(line, most);
    }
    if (groups != NULL)
        fclose(groups);
    return most;
}
