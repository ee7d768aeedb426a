/* expect: right | /proc tells a zombie from a process that lives */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
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
    siginfo_t how;
    (void)lives(child); /* who knows */
    assert(waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT) == 0 && !lives(child));
    assert(kill(child, 0) == 0);
    assert(waitpid(child, NULL, 0) == child && !lives(child) && kill(child, 0) == -1);
    return 0;
}
