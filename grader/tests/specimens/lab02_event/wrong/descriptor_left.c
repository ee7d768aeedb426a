/* expect: tests nothing_is_left_behind | event_create opens the eventfd before it asks for memory, and when there is none it returns NULL and leaves it open */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "event.h"

// The kernel does all the work: poll() says POLLIN for an eventfd whose number is not 0.
// set makes the number bigger than 0, clear reads it (which makes it 0 again).

struct event
{
    int number_fd;
};

struct event *event_create(void)
{
    const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd == -1)
        return NULL;

    struct event *const ev = calloc(1, sizeof(struct event));
    if (!ev)
        return NULL;

    ev->number_fd = fd;
    return ev;
}

void event_free(struct event *ev)
{
    if (ev)
    {
        close(ev->number_fd);
        free(ev);
    }
}

void event_set(struct event *ev)
{
    // Never blocks: the descriptor is non-blocking, and 2^64 sets without a clear are not to be expected.
    eventfd_write(ev->number_fd, 1);
}

void event_clear(struct event *ev)
{
    eventfd_t forgotten;
    eventfd_read(ev->number_fd, &forgotten); // EAGAIN if it was 0 anyway
}

// Looks at the event, at most for `timeout` (NULL: until it is set).
static bool look(struct event *ev, const struct timespec *timeout)
{
    struct pollfd what;
    what.fd = ev->number_fd;
    what.events = POLLIN;
    what.revents = 0;
    return ppoll(&what, 1, timeout, NULL) > 0 && (what.revents & POLLIN);
}

bool event_is_set(struct event *ev)
{
    static const struct timespec no_time;
    return look(ev, &no_time);
}

void event_wait(struct event *ev)
{
    bool seen = false;
    while (!seen)
        seen = look(ev, NULL); // a signal brings us here with false
}

// What is left from now until `end`; nothing if that is over.
static struct timespec rest(struct timespec end)
{
    struct timespec now, left = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec))
        return left;
    left.tv_sec = end.tv_sec - now.tv_sec;
    left.tv_nsec = end.tv_nsec - now.tv_nsec;
    if (left.tv_nsec < 0)
    {
        left.tv_nsec += 1000000000;
        left.tv_sec -= 1;
    }
    return left;
}

bool event_wait_for(struct event *ev, unsigned ms)
{
    struct timespec end, left;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += (ms % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000)
    {
        end.tv_nsec -= 1000000000;
        end.tv_sec += 1;
    }

    do
    {
        left = rest(end);
        if (look(ev, &left))
            return true;
    } while (left.tv_sec > 0 || left.tv_nsec > 0);
    return false;
}

// ---------------------------------------------------------------------------------------------
// Tasks. The thread that starts the others holds the rwlock for writing until it knows whether
// all are there; each of the others must get it for reading.

struct helper
{
    size_t index;
    struct event_tasks *all;
};

struct event_tasks
{
    struct event *trigger;
    event_task *job;
    void *job_arg;
    pthread_rwlock_t curtain;
    bool complete;
    size_t started;
    struct helper *helpers; // n
    pthread_t *ids;         // n
};

static void *helper_thread(void *p)
{
    const struct helper h = *(struct helper *)p;

    pthread_rwlock_rdlock(&h.all->curtain);
    const bool play = h.all->complete;
    pthread_rwlock_unlock(&h.all->curtain);

    if (play)
    {
        event_wait(h.all->trigger);
        h.all->job(h.all->job_arg, h.index);
    }
    return NULL;
}

static void throw_away(struct event_tasks *all)
{
    free(all->helpers);
    free(all->ids);
    free(all);
}

static struct event_tasks *allocate(size_t n)
{
    struct event_tasks *all = calloc(1, sizeof(struct event_tasks));
    if (!all)
        return NULL;
    all->helpers = calloc(n + 1, sizeof(struct helper)); // + 1: calloc(0) may be NULL
    all->ids = calloc(n + 1, sizeof(pthread_t));
    if (!all->helpers || !all->ids || pthread_rwlock_init(&all->curtain, NULL) != 0)
    {
        throw_away(all);
        return NULL;
    }
    return all;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *const all = allocate(n);
    if (!all)
        return NULL;

    all->trigger = event;
    all->job = run;
    all->job_arg = arg;

    pthread_rwlock_wrlock(&all->curtain);
    for (size_t i = 0; i < n; ++i)
    {
        all->helpers[i].index = i;
        all->helpers[i].all = all;
        if (pthread_create(&all->ids[i], NULL, helper_thread, &all->helpers[i]))
            break;
        ++all->started;
    }
    const bool complete = all->complete = (all->started == n);
    pthread_rwlock_unlock(&all->curtain);

    if (complete)
        return all;
    event_tasks_join(all);
    return NULL;
}

void event_tasks_join(struct event_tasks *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->started; ++i)
        pthread_join(all->ids[i], NULL);
    pthread_rwlock_destroy(&all->curtain);
    throw_away(all);
}
