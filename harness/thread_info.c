#include "thread_info.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "timing.h"

/* Reads a file of a thread in /proc, such as "/stat", up to size-1 bytes; text is empty if there is none.
 * Async-signal-safe. */
static void read_thread_file(int id, const char *name, char *text, size_t size)
{
    char path[64] = "/proc/", digits[16];
    size_t length = strlen(path), n = 0;
    for (int rest = id; rest > 0; rest /= 10)
        digits[n++] = (char)('0' + rest % 10);
    while (n > 0)
        path[length++] = digits[--n];
    memcpy(path + length, name, strlen(name) + 1);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = file >= 0 ? read(file, text, size - 1) : 0;
    text[got > 0 ? got : 0] = '\0';
    if (file >= 0)
        close(file);
}

/* Async-signal-safe. */
static long long read_number(const char *digits)
{
    long long number = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        number = number * 10 + (*digits - '0');
    return number;
}

/* Reads what stands in "/stat" from the state on into a text of `size` bytes. The name before it may hold spaces and
 * brackets itself. Returns NULL if there is no such thread. Async-signal-safe. */
static const char *read_state(int id, char *text, size_t size)
{
    read_thread_file(id, "/stat", text, size);
    const char *name_end = strrchr(text, ')');
    return name_end != NULL ? name_end + 2 : NULL;
}

char thread_info_state(int id)
{
    char text[256];
    const char *state = read_state(id, text, sizeof text);
    return state != NULL ? *state : '?';
}

int thread_info_parent(int id)
{
    char text[256];
    const char *state = read_state(id, text, sizeof text);
    return state != NULL ? (int)read_number(state + 2) : -1;
}

long long thread_info_slices(int id)
{
    char text[96];
    read_thread_file(id, "/schedstat", text, sizeof text);
    const char *last = strrchr(text, ' ');
    return last != NULL ? read_number(last + 1) : 0;
}

long long thread_info_waited(int id)
{
    char text[96];
    read_thread_file(id, "/schedstat", text, sizeof text);
    const char *second = strchr(text, ' ');
    return second != NULL ? read_number(second + 1) : 0;
}

/* By the kernel's own numbering of such clocks (include/linux/posix-timers.h). */
long long thread_info_cpu(int id)
{
    enum { PER_THREAD = 4, SCHEDULER = 2 };
    struct timespec t = {0};
    clock_gettime((clockid_t)(~(unsigned)id << 3 | PER_THREAD | SCHEDULER), &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The folder has a link from each thread's folder, from its parent, and from itself. */
int thread_info_count(void)
{
    struct stat threads;
    return stat("/proc/self/task", &threads) == 0 ? (int)threads.st_nlink - 2 : 0;
}

static bool others_sleep(void *unused)
{
    bool asleep = true;
    const int self = gettid();
    DIR *threads = opendir("/proc/self/task");
    (void)unused;
    if (threads == NULL)
        return false;
    for (struct dirent *entry; asleep && (entry = readdir(threads)) != NULL;) {
        const int id = (int)strtol(entry->d_name, NULL, 10); /* 0 for . and .. */
        const char state = id == 0 || id == self ? 'S' : thread_info_state(id);
        asleep = state != 'R' && state != 'D';
    }
    closedir(threads);
    return asleep;
}

_Bool thread_info_wait_asleep(double seconds)
{
    return timing_wait_until(others_sleep, NULL, seconds);
}
