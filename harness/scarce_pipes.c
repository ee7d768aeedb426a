/* scarce_pipes.c: pipes with little room, see scarce.h. Linked only into programs that use scarce_pipes. */
#include "scarce.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROOM = 4096 }; /* bytes */

atomic_bool scarce_pipes;

int pipe2(int ends[2], int flags)
{
    const int status = (int)syscall(SYS_pipe2, ends, flags);
    if (status == 0 && atomic_load(&scarce_pipes))
        fcntl(ends[1], F_SETPIPE_SZ, ROOM);
    return status;
}

int pipe(int ends[2])
{
    return pipe2(ends, 0);
}
