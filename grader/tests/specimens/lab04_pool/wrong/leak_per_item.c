/* expect: tests heap; schedules memory-leak | each order is built on the heap and never freed */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Order {
    pool_fn *fn;
    int64_t number;
    size_t place;
} Order;

typedef struct Worker {
    pid_t pid;
    int socket;
    Order *order; // NULL: nothing to do
} Worker;

struct pool {
    Worker *first, *end;
};

static Order *Order_new(pool_fn *fn, int64_t number, size_t place)
{
    Order *self = malloc(sizeof(Order));
    if (self != NULL)
        *self = (Order){fn, number, place};
    return self;
}

static void Worker_run(int socket)
{
    Order order;
    while (recv(socket, &order, sizeof order, MSG_WAITALL) == sizeof order) {
        int64_t result = order.fn(order.number);
        if (send(socket, &result, sizeof result, MSG_NOSIGNAL) == -1)
            break;
    }
    _exit(0);
}

static bool Worker_start(Worker *self, struct pool *pool)
{
    int sockets[2];
    self->order = NULL;
    if (socketpair(AF_LOCAL, SOCK_STREAM, 0, sockets) == -1)
        return false;
    self->pid = fork();
    if (self->pid == 0) {
        for (Worker *other = pool->first; other != pool->end; other++)
            if (other->pid > 0)
                close(other->socket);
        close(sockets[0]);
        Worker_run(sockets[1]);
    }
    close(sockets[1]);
    self->socket = sockets[0];
    if (self->pid > 0)
        return true;
    close(sockets[0]);
    self->pid = 0;
    return false;
}

static void Worker_stop(Worker *self)
{
    if (self->pid <= 0)
        return;
    close(self->socket);
    while (waitpid(self->pid, NULL, 0) == -1 && errno == EINTR)
        ;
    self->pid = 0;
    self->order = NULL;
}

static bool Worker_take(Worker *self, struct pool *pool, Order *order)
{
    if (self->pid == 0 && !Worker_start(self, pool))
        return false;
    if (send(self->socket, order, sizeof *order, MSG_NOSIGNAL) != sizeof *order) {
        Worker_stop(self);
        return Worker_take(self, pool, order);
    }
    self->order = order;
    return true;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *self = malloc(sizeof *self);
    self->first = calloc(workers, sizeof(Worker));
    self->end = self->first + workers;
    for (Worker *w = self->first; w != self->end; w++)
        if (!Worker_start(w, self)) {
            pool_close(self);
            return NULL;
        }
    return self;
}

size_t pool_map(struct pool *self, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    const size_t n = (size_t)(self->end - self->first);
    size_t next = 0, left = count, deaths = 0;
    struct pollfd *set = calloc(n, sizeof *set);
    while (left > 0) {
        for (size_t i = 0; i < n; i++) {
            Worker *w = &self->first[i];
            if (w->order == NULL && next < count && Worker_take(w, self, Order_new(fn, inputs[next], next)))
                next++;
            set[i] = (struct pollfd){.fd = w->order ? w->socket : -1, .events = POLLIN};
        }
        if (poll(set, n, -1) < 1)
            continue;
        for (size_t i = 0; i < n; i++) {
            Worker *w = &self->first[i];
            if (set[i].revents == 0)
                continue;
            const size_t place = w->order->place;
            w->order = NULL;
            failed[place] = recv(w->socket, &outputs[place], 8, MSG_WAITALL) != 8;
            left--;
            if (failed[place]) {
                deaths++;
                Worker_stop(w);
                Worker_start(w, self);
            }
        }
    }
    free(set);
    return deaths;
}

void pool_close(struct pool *self)
{
    if (self == NULL)
        return;
    for (Worker *w = self->first; w != self->end; w++)
        Worker_stop(w);
    free(self->first);
    free(self);
}
