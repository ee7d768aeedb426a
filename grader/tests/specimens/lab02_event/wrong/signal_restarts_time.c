/* expect: tests signal | a relative time-out that begins anew after each interruption */
#include "event.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <fcntl.h>

struct event {
    pthread_mutex_t lock;
    bool set;
    int read_end, write_end; /* a byte is in the pipe while the event is set */
};

struct event *event_create(void) {
    struct event *event = malloc(sizeof(struct event));
    int fds[2];
    if (event == NULL) return NULL;
    if (pipe(fds) != 0) {
        free(event);
        return NULL;
    }
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    pthread_mutex_init(&event->lock, NULL);
    event->set = false;
    event->read_end = fds[0];
    event->write_end = fds[1];
    return event;
}

void event_free(struct event *event) {
    if (event == NULL) return;
    close(event->read_end);
    close(event->write_end);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

void event_set(struct event *event) {
    pthread_mutex_lock(&event->lock);
    if (!event->set) {
        ssize_t n;
        do n = write(event->write_end, "!", 1);
        while (n != 1);
        event->set = true;
    }
    pthread_mutex_unlock(&event->lock);
}

void event_clear(struct event *event) {
    pthread_mutex_lock(&event->lock);
    if (event->set) {
        char c;
        ssize_t n;
        do n = read(event->read_end, &c, 1);
        while (n != 1);
        event->set = false;
    }
    pthread_mutex_unlock(&event->lock);
}

bool event_is_set(struct event *event) {
    pthread_mutex_lock(&event->lock);
    bool set = event->set;
    pthread_mutex_unlock(&event->lock);
    return set;
}

/* timeout as for poll: in ms, -1 for ever */
static bool poll_for(struct event *event, int timeout) {
    struct pollfd pfd = { .fd = event->read_end, .events = POLLIN };
    while (!event_is_set(event)) {
        int n = poll(&pfd, 1, timeout);
        if (n == 0) return event_is_set(event);
        if (n < 0 && errno != EINTR) abort();
    }
    return true;
}

void event_wait(struct event *event) {
    poll_for(event, -1);
}

bool event_wait_for(struct event *event, unsigned milliseconds) {
    /* poll takes an int, that is enough for 24 days */
    for (; milliseconds > 1000000000; milliseconds -= 1000000000)
        if (poll_for(event, 1000000000)) return true;
    return poll_for(event, (int)milliseconds);
}

struct event_tasks {
    size_t size;
    struct task {
        pthread_t thread;
        size_t index;
        struct event *event;
        event_task *run;
        void *arg;
        struct event *permit; /* set before the tasks begin */
        const bool *denied;
    } *tasks;
    struct event *permit;
    bool denied;
};

static void *run_task(void *p) {
    struct task *t = p;
    event_wait(t->permit);
    if (*t->denied) return NULL;
    event_wait(t->event);
    t->run(t->arg, t->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg) {
    struct event_tasks *all = malloc(sizeof(struct event_tasks));
    struct task *tasks = malloc((n + 1) * sizeof(struct task));
    struct event *permit = event_create();
    if (all == NULL || tasks == NULL || permit == NULL) {
        event_free(permit);
        free(tasks);
        free(all);
        return NULL;
    }
    *all = (struct event_tasks){ .tasks = tasks, .permit = permit };
    for (; all->size < n && !all->denied; all->size += !all->denied) {
        tasks[all->size] = (struct task){ 0, all->size, event, run, arg, permit, &all->denied };
        all->denied = pthread_create(&tasks[all->size].thread, NULL, run_task, &tasks[all->size]) != 0;
    }
    bool denied = all->denied;
    event_set(permit);
    if (denied) {
        event_tasks_join(all);
        return NULL;
    }
    return all;
}

void event_tasks_join(struct event_tasks *all) {
    if (all == NULL) return;
    while (all->size > 0) pthread_join(all->tasks[--all->size].thread, NULL);
    event_free(all->permit);
    free(all->tasks);
    free(all);
}
