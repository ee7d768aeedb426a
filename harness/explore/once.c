/* once.c: pthread_once, call_once, and thread-specific data. */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include "memory.h"
#include "model.h"
#include "sync.h"
#include "tls_keys.h"
#include "trace.h"

enum { FRESH, RUNNING, DONE, ROUNDS = 4 };

static bool not_running(void *argument)
{
    return ((struct sync *)argument)->count != RUNNING;
}

static void run_once(const void *flag, void (*function)(void), uintptr_t pc)
{
    struct sync *once = sync_find(flag, SYNC_ONCE, pc);
    const struct wait wait = {not_running, once, NEVER, false};
    const struct operation operation = {.object = once->address, .words = "run once", .pc = pc};
    schedule_point(operation, &wait);
    if (once->count == FRESH) {
        once->count = RUNNING;
        once->owner = thread_self()->id;
        trace_event(pc, "is the first, runs the function");
        function();
        schedule_point(operation, NULL);
        once->count = DONE;
        once->owner = NOBODY;
        schedule_release(&once->clock);
        schedule_changed();
    }
    schedule_acquire(&once->clock);
}

MODEL(int, pthread_once, (pthread_once_t * flag, void (*function)(void)))
{
    run_once(flag, function, PC);
    return 0;
}

MODEL(void, call_once, (once_flag * flag, void (*function)(void)))
{
    run_once(flag, function, PC);
}

static struct {
    bool used;
    void (*destructor)(void *);
} keys[TLS_KEYS];
static unsigned key_count;

void tls_keys_reset(void)
{
    key_count = 0;
}

unsigned tls_keys_count(void)
{
    return key_count;
}

void tls_keys_clear(struct thread *thread)
{
    for (unsigned i = 0; i < key_count; i++) /* a key made later clears them itself */
        thread->keys[i] = NULL;
}

void tls_keys_destroy(struct thread *self)
{
    for (int round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < key_count; i++) {
            void *value = self->keys[i];
            if (!keys[i].used || keys[i].destructor == NULL || value == NULL)
                continue;
            self->keys[i] = NULL;
            keys[i].destructor(value);
        }
}

static int create_key(unsigned *key, void (*destructor)(void *))
{
    if (key_count == TLS_KEYS)
        return EAGAIN;
    *key = key_count++;
    keys[*key].used = true;
    keys[*key].destructor = destructor;
    for (int id = 0; id < schedule.count; id++)
        schedule.threads[id].keys[*key] = NULL;
    return 0;
}

static bool is_key(unsigned key)
{
    return key < key_count && keys[key].used;
}

MODEL(int, pthread_key_create, (pthread_key_t * key, void (*destructor)(void *)))
{
    memory_access((uintptr_t)key, sizeof *key, ACCESS_WRITE, PC);
    return create_key(key, destructor);
}

MODEL(int, tss_create, (tss_t * key, tss_dtor_t destructor))
{
    memory_access((uintptr_t)key, sizeof *key, ACCESS_WRITE, PC);
    return create_key(key, destructor) == 0 ? thrd_success : thrd_error;
}

MODEL(int, pthread_key_delete, (pthread_key_t key))
{
    if (!is_key(key))
        sync_misuse(PC, "this key of thread-specific data was never made, or is deleted already");
    keys[key].used = false;
    return 0;
}

MODEL(void, tss_delete, (tss_t key))
{
    x_pthread_key_delete(key);
}

MODEL(void *, pthread_getspecific, (pthread_key_t key))
{
    if (!is_key(key))
        sync_misuse(PC, "this key of thread-specific data was never made, or is deleted already");
    return thread_self()->keys[key];
}

MODEL(void *, tss_get, (tss_t key))
{
    return x_pthread_getspecific(key);
}

MODEL(int, pthread_setspecific, (pthread_key_t key, const void *value))
{
    if (!is_key(key))
        sync_misuse(PC, "this key of thread-specific data was never made, or is deleted already");
    thread_self()->keys[key] = (void *)(uintptr_t)value;
    return 0;
}

MODEL(int, tss_set, (tss_t key, void *value))
{
    return x_pthread_setspecific(key, value) == 0 ? thrd_success : thrd_error;
}
