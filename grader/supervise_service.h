/*
 * supervise_service.h: the service of a program: a trusted program beside it that it can ask, but not reach.
 *
 * supervise starts it before the program, outside of the sandbox, and puts a socket pair (SOCK_SEQPACKET) between them.
 * Each has its end as standard input, the one descriptor that everything between supervise and a test (bubblewrap,
 * valgrind, Criterion) passes on; the program reads nothing from it but the end of file. The service is in no namespace
 * the program knows: it cannot be seen, signalled or traced. It runs as the user SERVICE_USER, who owns nothing
 * (started by root; else as the grader's user), without capabilities, environment or file to write, and in a session of
 * its own. It ends by itself when the last process that holds the program's end is dead, and at the latest when
 * supervise kills what is below it. It is none of the program's processes: it is not counted, and its CPU time is not
 * the program's.
 */
#ifndef GRADER_SUPERVISE_SERVICE_H
#define GRADER_SUPERVISE_SERVICE_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Nobody's, as SANDBOX_USER (sandbox.h), and another: a program must not be able to signal it. */
enum { SERVICE_USER = 65529 };

struct service {
    pid_t process;       /* 0: there is none, or it has ended */
    struct rusage usage; /* of the one that has ended */
};

/* service_start: starts the program `path`. Returns our end of the socket pair, close-on-exec, for the program; -1 with
 * errno. Does not wait until the service is ready: what the program asks before waits in the socket. */
int service_start(struct service *service, const char *path);

/* service_reap: waits for the process `pid`, which has ended, and returns true, if it is the service. */
bool service_reap(struct service *service, pid_t pid);

/* service_leave_out: takes the service's CPU time out of `usage`, the sum over all children. */
void service_leave_out(const struct service *service, struct rusage *usage);

#endif
