/* expect: right | a lock word names the slot of its holder; the slot's robust mutex, held meanwhile, tells whether the holder lives; thread-local hints with a destructor */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 64 };

struct value {
    _Atomic unsigned word; /* 0, or 1 + slot of the holder */
    _Atomic int64_t number;
    pthread_mutex_t slots[SLOTS];
};

/* Where this thread found a free slot the last time. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;

static void make_key(void)
{
    key_made = pthread_key_create(&key, free) == 0;
}

static unsigned *thread_hint(void)
{
    pthread_once(&once, make_key);
    if (!key_made)
        return NULL;
    unsigned *hint = pthread_getspecific(key);
    if (hint == NULL) {
        hint = malloc(sizeof *hint);
        if (hint == NULL)
            return NULL;
        *hint = (unsigned)getpid() % SLOTS;
        if (pthread_setspecific(key, hint) != 0) {
            free(hint);
            return NULL;
        }
    }
    return hint;
}

static void rest(unsigned *tries)
{
    if (++*tries < 8) {
        sched_yield();
        return;
    }
    struct timespec pause = {0, *tries < 100 ? 20000 : 500000};
    nanosleep(&pause, NULL);
}

/* Takes a slot's mutex if it is free. Whoever inherits it from a dead holder clears the word for it. */
static bool try_slot(struct value *v, unsigned slot)
{
    int error = pthread_mutex_trylock(&v->slots[slot]);
    if (error == EOWNERDEAD) {
        unsigned dead = slot + 1;
        atomic_compare_exchange_strong(&v->word, &dead, 0);
        pthread_mutex_consistent(&v->slots[slot]);
        error = 0;
    }
    return error == 0;
}

static unsigned lock(struct value *v)
{
    unsigned *hint = thread_hint();
    unsigned slot = hint != NULL ? *hint : 0;
    unsigned tries = 0;
    for (unsigned n = 1; !try_slot(v, slot); n++) {
        slot = (slot + 1) % SLOTS;
        if (n % SLOTS == 0)
            rest(&tries);
    }
    if (hint != NULL)
        *hint = slot;
    for (tries = 0;;) {
        unsigned seen = 0;
        if (atomic_compare_exchange_strong(&v->word, &seen, slot + 1))
            return slot;
        /* does the holder live? */
        if (seen - 1 != slot && try_slot(v, seen - 1))
            pthread_mutex_unlock(&v->slots[seen - 1]);
        else
            rest(&tries);
    }
}

static void unlock(struct value *v, unsigned slot)
{
    atomic_store(&v->word, 0);
    pthread_mutex_unlock(&v->slots[slot]);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0)
        return NULL;
    struct value *v = MAP_FAILED;
    if (pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0 &&
        pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0)
        v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int error = v == MAP_FAILED;
    for (int i = 0; i < SLOTS && !error; i++)
        error = pthread_mutex_init(&v->slots[i], &a);
    pthread_mutexattr_destroy(&a);
    if (error) {
        if (v != MAP_FAILED)
            munmap(v, sizeof *v);
        return NULL;
    }
    atomic_init(&v->word, 0);
    atomic_init(&v->number, initial);
    return v;
}

int64_t value_get(struct value *v)
{
    return atomic_load(&v->number); /* one word, changed by one store: before the update or after it */
}

void value_add(struct value *v, int64_t amount)
{
    unsigned slot = lock(v);
    atomic_fetch_add(&v->number, amount);
    unlock(v, slot);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    unsigned slot = lock(v);
    int64_t number = fn(atomic_load(&v->number), arg);
    atomic_store(&v->number, number);
    unlock(v, slot);
    return number;
}

struct job {
    struct value *value;
    value_item *item;
    _Atomic unsigned *done; /* shared: how many added their part */
};

/* Each frame has a child, which computes its part, and leaves the rest to the next frame. */
static bool fork_and_wait(const struct job *job, uint64_t begin, uint64_t count, unsigned processes)
{
    if (processes == 0)
        return true;
    uint64_t mine = count / processes;
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        uint64_t sum = 0;
        for (uint64_t k = 0; k < mine; k++)
            sum += (uint64_t)job->item(begin + k);
        if (mine > 0)
            value_add(job->value, (int64_t)sum);
        atomic_fetch_add(job->done, 1);
        _exit(0);
    }
    bool ok = fork_and_wait(job, begin + mine, count - mine, processes - 1);
    int status = 0;
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    return ok && (got < 0 || WIFEXITED(status));
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    _Atomic unsigned *done = mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (done == MAP_FAILED)
        return -1;
    struct job job = {v, item, done};
    bool ok = fork_and_wait(&job, 0, count, processes) && atomic_load(done) == processes;
    munmap(done, sizeof *done);
    return ok ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_destroy(&v->slots[i]);
    munmap(v, sizeof *v);
}
