/* expect: tests idle; schedules crash | a write to a dead worker ends the caller by SIGPIPE */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

struct question { pool_fn *fn; int64_t input; };

typedef struct node {
    struct node *next;
    pid_t pid;
    int question, answer;
    int64_t item;               /* -1: idle */
} node;

struct pool { node *head; };

static void ask_again_if_interrupted(ssize_t *n, node *w, struct question q)
{
    do
        *n = write(w->question, &q, sizeof q);
    while (*n < 0 && errno == EINTR);
}

static int open_node(struct pool *pool, node *w)
{
    int q[2], a[2];
    w->pid = 0;
    w->item = -1;
    if (pipe(q) < 0) return 0;
    if (pipe(a) < 0) { close(q[0]); close(q[1]); return 0; }
    w->question = q[1];
    w->answer = a[0];
    w->pid = fork();
    if (w->pid == 0) {
        struct question in;
        for (node *o = pool->head; o; o = o->next)
            if (o->pid != 0 && o != w) { close(o->question); close(o->answer); }
        close(q[1]);
        close(a[0]);
        for (;;) {
            ssize_t n = read(q[0], &in, sizeof in);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) _exit(0);
            in.input = in.fn(in.input);
            if (write(a[1], &in.input, 8) < 0) _exit(1);
        }
    }
    close(q[0]);
    close(a[1]);
    if (w->pid < 0) {
        close(q[1]);
        close(a[0]);
        w->pid = 0;
    }
    return w->pid > 0;
}

static void close_node(node *w)
{
    if (w->pid == 0) return;
    close(w->question);
    close(w->answer);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) continue;
    w->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    while (workers-- > 0) {
        node *w = calloc(1, sizeof *w);
        w->next = pool->head;
        pool->head = w;
        if (!open_node(pool, w)) {
            pool_close(pool);
            return NULL;
        }
    }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, dead = 0;
    while (done < count) {
        fd_set set;
        int max = 0;
        FD_ZERO(&set);
        for (node *w = pool->head; w; w = w->next) {
            if (w->item < 0 && next < count) {
                ssize_t n = -1;
                if (w->pid != 0)
                    ask_again_if_interrupted(&n, w, (struct question){fn, inputs[next]});
                if (n < 0) {
                    close_node(w);
                    if (open_node(pool, w))
                        ask_again_if_interrupted(&n, w, (struct question){fn, inputs[next]});
                }
                if (n > 0)
                    w->item = (int64_t)next++;
            }
            if (w->item >= 0) {
                FD_SET(w->answer, &set);
                if (w->answer > max) max = w->answer;
            }
        }
        if (select(max + 1, &set, NULL, NULL, NULL) <= 0) continue;
        for (node *w = pool->head; w; w = w->next) {
            if (w->item < 0 || !FD_ISSET(w->answer, &set)) continue;
            size_t i = (size_t)w->item;
            w->item = -1;
            done++;
            failed[i] = read(w->answer, &outputs[i], 8) < 8;
            if (failed[i]) {
                dead++;
                close_node(w);
                open_node(pool, w);
            }
        }
    }
    return dead;
}

void pool_close(struct pool *pool)
{
    node *w = pool ? pool->head : NULL;
    while (w) {
        node *next = w->next;
        close_node(w);
        free(w);
        w = next;
    }
    free(pool);
}
