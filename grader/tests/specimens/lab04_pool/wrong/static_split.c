/* expect: tests free; schedules lost-wake-up | each worker is given its own slice of the list in advance */
// Version 3. One process = one slice; it works like the blocks of an array
// in the OpenMP lecture: schedule(static).
#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct slice {
    pid_t pid;
    int fd;
    size_t at, end;      // [at, end) is left; at is being worked on if busy
    bool busy;
};

struct pool {
    unsigned slices;
    struct slice s[];
};

struct req { pool_fn *call; int64_t with; };

static void closeSlice(struct slice *s)
{
    if (s->pid == 0)
        return;
    close(s->fd);
    while (waitpid(s->pid, NULL, 0) != s->pid && errno == EINTR)
        ;
    s->pid = 0;
    s->busy = false;
}

static bool openSlice(struct pool *p, struct slice *s)
{
    int two[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, two) == -1)
        return false;
    pid_t child = fork();
    switch (child) {
    case -1:
        close(two[0]);
        close(two[1]);
        return false;
    case 0:
        close(two[0]);
        for (unsigned i = 0; i < p->slices; i++)
            if (p->s[i].pid)
                close(p->s[i].fd);
        for (struct req r;;) {
            ssize_t k = recv(two[1], &r, sizeof r, 0);
            if (k == -1 && errno == EINTR)
                continue;
            if (k <= 0)
                _exit(0);
            int64_t answer = r.call(r.with);
            send(two[1], &answer, sizeof answer, MSG_NOSIGNAL);
        }
    default:
        close(two[1]);
        s->pid = child;
        s->fd = two[0];
        return true;
    }
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof(struct pool) + workers * sizeof(struct slice));
    if (p)
        p->slices = workers;
    for (unsigned i = 0; p && i < workers; i++)
        if (!openSlice(p, &p->s[i])) {
            pool_close(p);
            p = NULL;
        }
    return p;
}

// gives the next item of the slice to its process
static void advance(struct pool *p, struct slice *s, pool_fn *fn, const int64_t *inputs)
{
    while (s->at < s->end && !s->busy) {
        struct req r = {fn, inputs[s->at]};
        if (s->pid == 0 && !openSlice(p, s))
            continue; // try again
        if (send(s->fd, &r, sizeof r, MSG_NOSIGNAL) > 0)
            s->busy = true;
        else
            closeSlice(s);
    }
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t todo = count, deaths = 0, from = 0;
    for (unsigned i = 0; i < p->slices; i++) {
        size_t length = count / p->slices + (i < count % p->slices);
        p->s[i].at = from;
        p->s[i].end = from += length;
    }
    while (todo) {
        struct pollfd set[p->slices];
        for (unsigned i = 0; i < p->slices; i++) {
            advance(p, &p->s[i], fn, inputs);
            set[i] = (struct pollfd){p->s[i].busy ? p->s[i].fd : -1, POLLIN, 0};
        }
        if (poll(set, p->slices, -1) == -1)
            continue;
        for (unsigned i = 0; i < p->slices; i++) {
            struct slice *s = &p->s[i];
            int64_t answer;
            if (!set[i].revents)
                continue;
            if (recv(s->fd, &answer, sizeof answer, 0) == sizeof answer) {
                outputs[s->at] = answer;
                failed[s->at] = false;
                s->busy = false;
            } else {
                failed[s->at] = true;
                deaths++;
                closeSlice(s);
                openSlice(p, s);
            }
            s->at++;
            todo--;
        }
    }
    return deaths;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->slices; i++)
        closeSlice(&p->s[i]);
    free(p);
}
