#include "process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads at most size-1 bytes of a small file of /proc and adds a NUL. Returns the length, -1 on failure. */
static ssize_t read_file(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const ssize_t length = read(fd, text, size - 1);
    close(fd);
    if (length >= 0)
        text[length] = '\0';
    return length;
}

bool process_tree_stat(pid_t pid, struct process_stat *stat)
{
    char path[64], text[1024], state;
    int parent, session;
    long threads;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_file(path, text, sizeof text) <= 0)
        return false;
    const char *after_name = strrchr(text, ')'); /* the name itself may hold spaces and brackets */
    if (after_name == NULL ||
        sscanf(after_name + 1, " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld", &state, &parent,
               &session, &threads) != 4)
        return false;
    /* a process whose main thread called pthread_exit shows as Z while its other threads live */
    *stat = (struct process_stat){
        .parent = parent, .session = session, .alive = (state != 'Z' && state != 'X') || threads > 1};
    return true;
}

/* Appends the numbers written in a file of /proc. */
static size_t append_numbers(const char *path, pid_t *pids, size_t count, size_t max)
{
    FILE *file = fopen(path, "re");
    int pid;
    if (file == NULL)
        return count;
    while (count < max && fscanf(file, "%d", &pid) == 1)
        pids[count++] = pid;
    fclose(file);
    return count;
}

/* A child belongs to the thread that forked it, so each thread has a list. */
static size_t append_children(pid_t parent, pid_t *pids, size_t count, size_t max)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return count;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)parent, entry->d_name);
        count = append_numbers(path, pids, count, max);
    }
    closedir(threads);
    return count;
}

size_t process_tree_list(pid_t root, pid_t *pids, size_t max)
{
    size_t count = 1;
    if (access("/proc/thread-self/children", R_OK) != 0)
        return process_tree_scan(root, pids, max);
    pids[0] = root;
    for (size_t i = 0; i < count; i++)
        count = append_children(pids[i], pids, count, max);
    return count;
}

struct family {
    pid_t pid, parent;
};

/* All processes of the machine with their parents; caller frees. */
static struct family *read_families(size_t *count)
{
    size_t room = 1024;
    struct family *families = malloc(room * sizeof *families);
    DIR *directory = opendir("/proc");
    *count = 0;
    for (struct dirent *entry; families != NULL && directory != NULL && (entry = readdir(directory)) != NULL;) {
        struct process_stat stat;
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || !process_tree_stat(pid, &stat))
            continue;
        if (*count == room) {
            struct family *more = realloc(families, 2 * room * sizeof *families);
            if (more == NULL)
                break;
            families = more;
            room *= 2;
        }
        families[(*count)++] = (struct family){.pid = pid, .parent = stat.parent};
    }
    if (directory != NULL)
        closedir(directory);
    return families;
}

size_t process_tree_scan(pid_t root, pid_t *pids, size_t max)
{
    size_t family_count, count = 1;
    struct family *families = read_families(&family_count);
    pids[0] = root;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < family_count && count < max; k++)
            if (families[k].parent == pids[i])
                pids[count++] = families[k].pid;
    free(families);
    return count;
}
