#include "quiet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "process.h"
#include "text.h"

static int open_lock(const char *name)
{
    char *path = text_format("/tmp/.lockstep-%s-%u", name, (unsigned)getuid());
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    return descriptor;
}

static bool lock(int descriptor, int operation)
{
    while (flock(descriptor, operation) != 0)
        if (errno != EINTR || process_interrupted())
            return false;
    return true;
}

int quiet_enter(bool alone)
{
    const int turn = open_lock("turn");
    int quiet = open_lock("quiet");
    if (turn >= 0 && quiet >= 0 && lock(turn, LOCK_EX) && lock(quiet, alone ? LOCK_EX : LOCK_SH)) {
        close(turn);
        return quiet;
    }
    if (turn >= 0)
        close(turn);
    if (quiet >= 0)
        close(quiet);
    return -1;
}

void quiet_leave(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}
