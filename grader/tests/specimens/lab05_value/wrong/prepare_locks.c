/* expect: tests forked_beside_an_update | pthread_atfork takes the mutex of the threads before each fork: who forks inside fn waits for itself, and a fork waits for an update of another thread */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A record lock belongs to a process; the kernel takes it away when the process dies. It does not know threads,
 * so each process has a mutex of its own as well. The copy that fork makes of it is of no use: another thread of the
 * parent may have held it at that moment, and nobody in the child would ever let it go. So it says whose it is, and
 * the first thread that finds that it is not its process's puts a new one in its place. */
struct own {
    struct value *next;
    pthread_mutex_t among_threads;
};

struct value {
    int fd;
    int64_t *number;
    struct own *own;
};

static struct own *make_own(void)
{
    struct own *o = malloc(sizeof *o);
    if (o) {
        o->next = NULL;
        pthread_mutex_init(&o->among_threads, NULL);
    }
    return o;
}

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct value *list;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct own *own(struct value *v)
{
    return v->own;
}

static void prepare(void)
{
    pthread_mutex_lock(&list_lock);
    for (struct value *v = list; v; v = v->own->next)
        pthread_mutex_lock(&v->own->among_threads);
}

static void after(void)
{
    for (struct value *v = list; v; v = v->own->next)
        pthread_mutex_unlock(&v->own->among_threads);
    pthread_mutex_unlock(&list_lock);
}

static void install(void)
{
    pthread_atfork(prepare, after, after);
}

static void set_lock(struct value *v, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    /* EDEADLK: processes seem to wait for each other in a circle, but these are different threads of theirs. */
    while (fcntl(v->fd, F_SETLKW, &l) == -1)
        if (errno != EINTR)
            sched_yield();
}

static void take(struct value *v)
{
    pthread_mutex_lock(&own(v)->among_threads);
    set_lock(v, F_WRLCK);
}

static void drop(struct value *v)
{
    set_lock(v, F_UNLCK);
    pthread_mutex_unlock(&own(v)->among_threads);
}

struct value *value_create(int64_t initial)
{
    struct value *v = malloc(sizeof *v);
    if (!v)
        return NULL;
    v->fd = memfd_create("value", MFD_CLOEXEC);
    if (v->fd < 0 || ftruncate(v->fd, sizeof(int64_t)) != 0)
        goto fail;
    v->number = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (v->number == MAP_FAILED)
        goto fail;
    struct own *first = make_own();
    if (first) {
        v->own = first;
        *v->number = initial;
        pthread_once(&once, install);
        pthread_mutex_lock(&list_lock);
        first->next = list;
        list = v;
        pthread_mutex_unlock(&list_lock);
        return v;
    }
    munmap(v->number, sizeof(int64_t));
fail:
    if (v->fd >= 0)
        close(v->fd);
    free(v);
    return NULL;
}

int64_t value_get(struct value *v)
{
    take(v);
    int64_t n = *v->number;
    drop(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    take(v);
    *v->number += amount;
    drop(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    take(v);
    int64_t n = *v->number = fn(*v->number, arg);
    drop(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned n;
    int bad = 0;
    for (n = 0; n < processes; n++) {
        pids[n] = fork();
        if (pids[n] == -1) {
            bad = 1;
            break;
        }
        if (pids[n] == 0) {
            int64_t sum = 0;
            for (uint64_t i = n; i < count; i += processes)
                sum += item(i);
            value_add(v, sum);
            _exit(EXIT_SUCCESS);
        }
    }
    while (n-- > 0) {
        int st;
        while (waitpid(pids[n], &st, 0) == -1 && errno == EINTR)
            continue;
        if (!WIFEXITED(st))
            bad = 1;
    }
    return bad ? -1 : 0;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_lock(&list_lock);
    for (struct value **p = &list; *p; p = &(*p)->own->next)
        if (*p == v) {
            *p = v->own->next;
            break;
        }
    pthread_mutex_unlock(&list_lock);
    pthread_mutex_destroy(&v->own->among_threads);
    free(v->own);
    munmap(v->number, sizeof(int64_t));
    close(v->fd);
    free(v);
}
