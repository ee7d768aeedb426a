/* expect: tests dead_worker; schedules lost-wake-up | waits for an answer from a worker that is dead */
#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// Everybody uses the same two ends of one packet socket pair: the kernel gives
// each order to one of the workers that wait, so there is nothing to plan.

struct packet {
    pool_fn *fn;
    size_t nr;
    int64_t value;
};

struct pool {
    unsigned n;
    int here, there;
    pid_t *children;
};

struct pool *pool_create(unsigned n)
{
    struct pool *p = malloc(sizeof *p);
    int s[2];
    if (!p)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0) {
        free(p);
        return NULL;
    }
    p->here = s[0];
    p->there = s[1];
    p->children = calloc(n, sizeof(pid_t));
    for (p->n = 0; p->n < n; p->n++) {
        pid_t c = fork();
        if (c < 0) {
            pool_close(p);
            return NULL;
        }
        if (c == 0) {
            struct packet k;
            close(s[0]);
            while (recv(s[1], &k, sizeof k, 0) == sizeof k) {
                k.value = k.fn(k.value);
                send(s[1], &k, sizeof k, MSG_NOSIGNAL);
            }
            _exit(0);
        }
        p->children[p->n] = c;
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t sent = 0, received = 0;
    memset(failed, 0, count);
    while (received < count) {
        // never more orders than workers, or the socket fills up
        if (sent < count && sent - received < p->n) {
            struct packet k = {fn, sent, inputs[sent]};
            if (send(p->here, &k, sizeof k, MSG_NOSIGNAL) == sizeof k)
                sent++;
        } else {
            struct packet k;
            if (recv(p->here, &k, sizeof k, 0) == sizeof k) {
                outputs[k.nr] = k.value;
                received++;
            }
        }
    }
    return 0;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    close(p->there);
    close(p->here);
    for (unsigned i = 0; i < p->n; i++)
        waitpid(p->children[i], NULL, 0);
    free(p->children);
    free(p);
}
