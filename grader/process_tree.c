#include "process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    STRAYS_SECONDS = 10,
    STRAYS_MAX = 1 << 14,
    SEEN_PIDS = 1 << 22 /* the kernel's largest process id */
};

/* Reads at most size-1 bytes of a small file of /proc and adds a NUL. Returns false if there is nothing to read. */
static bool read_file(int fd, char *text, size_t size)
{
    const ssize_t length = fd >= 0 ? pread(fd, text, size - 1, 0) : -1;
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Field `number` of /proc/PID/stat, as proc(5) counts them, in what stands behind the name, which is the second. (By
 * hand: it is read for each thread every few ms while a program is timed.) */
static const char *field(const char *after_name, int number)
{
    for (int n = 2; n < number && after_name != NULL; n++)
        after_name = strchr(after_name + 1, ' ');
    return after_name != NULL ? after_name + 1 : "";
}

enum { FIELD_STATE = 3, FIELD_PARENT = 4, FIELD_SESSION = 6, FIELD_THREADS = 20, FIELD_CPU = 39 };

bool process_tree_read_stat(int fd, struct process_stat *stat)
{
    char text[1024];
    if (!read_file(fd, text, sizeof text))
        return false;
    const char *after_name = strrchr(text, ')'); /* the name itself may hold spaces and brackets */
    if (after_name == NULL)
        return false;
    const char state = *field(after_name, FIELD_STATE);
    const long threads = strtol(field(after_name, FIELD_THREADS), NULL, 10);
    *stat =
        (struct process_stat){.parent = (pid_t)strtol(field(after_name, FIELD_PARENT), NULL, 10),
                              .session = (pid_t)strtol(field(after_name, FIELD_SESSION), NULL, 10),
                              .threads = threads,
                              .state = state,
                              .cpu = (int)strtol(field(after_name, FIELD_CPU), NULL, 10),
                              /* one whose main thread called pthread_exit shows as Z while its other threads live */
                              .alive = (state != 'Z' && state != 'X') || threads > 1};
    return true;
}

bool process_tree_stat(pid_t pid, struct process_stat *stat)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool found = process_tree_read_stat(fd, stat);
    if (fd >= 0)
        close(fd);
    return found;
}

int process_tree_open_thread(pid_t pid, pid_t thread)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)thread);
    return open(path, O_RDONLY | O_CLOEXEC);
}

pid_t process_tree_newest(int fd)
{
    char text[128];
    const char *last = read_file(fd, text, sizeof text) ? strrchr(text, ' ') : NULL;
    return last != NULL ? (pid_t)strtol(last, NULL, 10) : -1;
}

/* Appends the numbers written in a file of /proc. */
static size_t append_numbers(const char *path, pid_t *pids, size_t count, size_t max)
{
    char text[4096];
    pid_t number = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return count;
    for (ssize_t length; count < max && (length = read(fd, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < length; i++) { /* each number ends with a space */
            if (isdigit((unsigned char)text[i]))
                number = 10 * number + (text[i] - '0');
            else if (number > 0 && count < max)
                pids[count++] = number;
            if (!isdigit((unsigned char)text[i]))
                number = 0;
        }
    close(fd);
    return count;
}

static size_t append_children_of_thread(pid_t process, long thread, pid_t *pids, size_t count, size_t max)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/children", (int)process, thread);
    return append_numbers(path, pids, count, max);
}

/* A child belongs to the thread that forked it, so each thread has a list. */
static size_t append_children(pid_t parent, pid_t *pids, size_t count, size_t max)
{
    enum { LINKS_WITH_ONE_THREAD = 3 };
    char path[64];
    struct stat links;
    snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
    if (stat(path, &links) == 0 && links.st_nlink == LINKS_WITH_ONE_THREAD)
        return append_children_of_thread(parent, parent, pids, count, max);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return count;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]))
            count = append_children_of_thread(parent, strtol(entry->d_name, NULL, 10), pids, count, max);
    closedir(threads);
    return count;
}

static bool kernel_lists_children(void)
{
    return access("/proc/thread-self/children", R_OK) == 0;
}

size_t process_tree_list(pid_t root, pid_t *pids, size_t max)
{
    size_t count = 1;
    if (!kernel_lists_children())
        return process_tree_scan(root, pids, max);
    pids[0] = root;
    for (size_t i = 0; i < count && count < max; i++)
        count = append_children(pids[i], pids, count, max);
    return count;
}

static size_t able_threads(pid_t process)
{
    char path[64];
    size_t able = 0;
    struct process_stat stat;
    if (!process_tree_stat(process, &stat))
        return 0;
    if (stat.threads <= 1)
        return stat.state == 'R';
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        const int fd = process_tree_open_thread(process, (pid_t)strtol(entry->d_name, NULL, 10));
        able += process_tree_read_stat(fd, &stat) && stat.state == 'R';
        if (fd >= 0)
            close(fd);
    }
    closedir(threads);
    return able;
}

size_t process_tree_able(pid_t root)
{
    enum { PROCESSES = 1024 };
    pid_t pids[PROCESSES];
    size_t able = 0;
    const size_t count = process_tree_list(root, pids, PROCESSES);
    for (size_t i = 1; i < count; i++)
        able += able_threads(pids[i]);
    return able;
}

/* Kills those of pids[first..count-1] that are not marked yet, marks them, and drops the others. Returns the new count.
 */
static size_t kill_unseen(pid_t *pids, size_t first, size_t count, unsigned char *seen)
{
    size_t kept = first;
    for (size_t i = first; i < count; i++) {
        const unsigned pid = (unsigned)pids[i] % SEEN_PIDS, bit = 1u << pid % 8;
        if ((seen[pid / 8] & bit) != 0)
            continue;
        seen[pid / 8] |= (unsigned char)bit;
        kill(pids[i], SIGKILL);
        pids[kept++] = pids[i];
    }
    return kept;
}

/* Whoever has SIGKILL pending gets no further child: the kernel looks for that in the moment it would add it. So the
 * children of one that was killed, read after that, are complete, and it need not be visited again: the time this takes
 * does not grow with what is dead already. Orphans turn up as children of the root. */
static size_t kill_tree(pid_t root, pid_t *pids, size_t max, unsigned char *seen)
{
    size_t count = 1, before;
    pids[0] = root;
    do {
        before = count;
        count = kill_unseen(pids, before, append_children(root, pids, before, max), seen);
        for (size_t i = before; i < count; i++)
            count = kill_unseen(pids, count, append_children(pids[i], pids, count, max), seen);
    } while (count > before);
    return count;
}

size_t process_tree_kill(pid_t root, bool with_root, pid_t *pids, size_t max)
{
    size_t count;
    unsigned char *seen = kernel_lists_children() ? calloc(SEEN_PIDS / 8, 1) : NULL;
    if (with_root)
        kill(root, SIGKILL);
    if (seen != NULL) {
        count = kill_tree(root, pids, max, seen);
        free(seen);
        return count;
    }
    count = process_tree_scan(root, pids, max);
    for (size_t i = 1; i < count; i++)
        kill(pids[i], SIGKILL);
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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ends what a killed supervisor has left to us. Returns false when there was nothing. */
static bool kill_strays(pid_t *pids)
{
    bool found = false;
    const pid_t self = getpid(), session = getsid(0);
    const size_t count = process_tree_list(self, pids, STRAYS_MAX / 2);
    for (size_t i = 1; i < count; i++) {
        struct process_stat stat;
        if (!process_tree_stat(pids[i], &stat) || stat.parent != self || stat.session == session)
            continue;
        found = true;
        kill(-stat.session, SIGKILL);
        process_tree_kill(pids[i], true, pids + STRAYS_MAX / 2, STRAYS_MAX / 2);
        waitpid(pids[i], NULL, WNOHANG);
    }
    return found;
}

void process_tree_end_strays(void)
{
    pid_t *pids = malloc(STRAYS_MAX * sizeof *pids);
    const double end = now() + STRAYS_SECONDS;
    while (pids != NULL && kill_strays(pids) && now() < end)
        nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
    free(pids);
}
