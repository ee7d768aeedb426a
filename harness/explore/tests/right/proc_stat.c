/* expect: right | /proc tells a zombie from a process that lives */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool lives(pid_t pid)
{
    char path[32], line[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    const bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    const char *state = strrchr(line, ')');
    return read && state != NULL && state[2] != 'Z';
}

int main(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    while (lives(child))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert(kill(child, 0) == 0);
    assert(waitpid(child, NULL, 0) == child && !lives(child) && kill(child, 0) == -1);
    return 0;
}
