#include "sysv.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

#include "arena.h"
#include "descriptors.h"
#include "footprints.h"
#include "mappings.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

enum { IDS = SYSV_MOST, SEMAPHORES = 64, OPERATIONS = 16, SEMAPHORE_MOST = 32767 };

struct set {
    key_t key;
    int count;
    bool removed;
    int values[SEMAPHORES];
    int undo[PROCESSES_MAX][SEMAPHORES]; /* to be added when the process ends */
    struct clock clock;
};

struct segment {
    key_t key;
    size_t size;
    char *bytes;
};

static struct set *sets[IDS];
static struct segment segments[IDS];
static int set_count, segment_count;

void sysv_reset(void)
{
    set_count = segment_count = 0;
}

void sysv_end(int process, const struct clock *known)
{
    for (int id = 0; id < set_count; id++)
        for (int i = 0; i < sets[id]->count; i++) {
            const int undo = sets[id]->undo[process][i];
            if (undo == 0)
                continue;
            sets[id]->values[i] = sets[id]->values[i] + undo > 0 ? sets[id]->values[i] + undo : 0;
            sets[id]->undo[process][i] = 0;
            clock_join(&sets[id]->clock, known);
        }
}

void sysv_touched(int process, struct footprint *footprint)
{
    for (int id = 0; id < set_count; id++)
        for (int i = 0; i < sets[id]->count; i++)
            if (sets[id]->undo[process][i] != 0) {
                footprint_add(footprint, (uintptr_t)sets[id]);
                break;
            }
}

static struct set *find(int id)
{
    return id >= 0 && id < set_count && !sets[id]->removed ? sets[id] : NULL;
}

MODEL(int, semget, (key_t key, int count, int flags))
{
    schedule_point((struct operation){.object = (uintptr_t)&sets, .words = "get semaphores", .pc = PC}, NULL);
    for (int id = 0; id < set_count && key != IPC_PRIVATE; id++)
        if (sets[id]->key == key && !sets[id]->removed)
            return flags & IPC_CREAT && flags & IPC_EXCL ? model_fail(EEXIST) : id;
    if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
        return model_fail(ENOENT);
    if (count <= 0 || count > SEMAPHORES || set_count == IDS)
        verdict_unsupported("more than %d System V semaphores in a set, or %d sets", SEMAPHORES, IDS);
    sets[set_count] = arena_zero(sizeof *sets[0]);
    sets[set_count]->key = key;
    sets[set_count]->count = count;
    return set_count++;
}

struct request {
    const struct set *set;
    size_t count;
    struct sembuf operations[OPERATIONS];
};

/* All of them at once, or none. */
static bool may_do(const struct request *request)
{
    int values[SEMAPHORES];
    memcpy(values, request->set->values, sizeof values);
    for (size_t i = 0; i < request->count; i++) {
        const struct sembuf *operation = &request->operations[i];
        int *value = &values[operation->sem_num];
        if (operation->sem_op == 0 ? *value != 0 : *value + operation->sem_op < 0)
            return false;
        *value += operation->sem_op;
    }
    return true;
}

static bool is_ready(void *argument)
{
    const struct request *request = argument;
    return request->set->removed || may_do(request);
}

static int perform(struct set *set, const struct request *request, uintptr_t pc)
{
    for (size_t i = 0; i < request->count; i++) {
        const struct sembuf *operation = &request->operations[i];
        set->values[operation->sem_num] += operation->sem_op;
        if (operation->sem_flg & SEM_UNDO)
            set->undo[thread_self()->process][operation->sem_num] -= operation->sem_op;
    }
    schedule_acquire(&set->clock);
    schedule_release(&set->clock);
    schedule_changed();
    trace_event(pc, "changes System V semaphores");
    return 0;
}

static int operate(int id, const struct sembuf *operations, size_t count, uint64_t deadline, uintptr_t pc)
{
    struct set *set = find(id);
    struct request *request = arena_take(sizeof *request);
    bool waits = true;
    if (set == NULL || count == 0 || count > OPERATIONS)
        return model_fail(count > OPERATIONS ? E2BIG : EINVAL);
    memory_access((uintptr_t)operations, count * sizeof *operations, ACCESS_READ, pc);
    request->set = set;
    request->count = count;
    for (size_t i = 0; i < count; i++) {
        request->operations[i] = operations[i];
        waits &= !(operations[i].sem_flg & IPC_NOWAIT);
        if (operations[i].sem_num >= set->count)
            return model_fail(EFBIG);
    }
    const struct wait wait = {is_ready, request, deadline, false};
    const struct operation operation = {
        .object = (uintptr_t)set, .interrupt = INTERRUPT_FAILS, .words = "wait for a System V semaphore", .pc = pc};
    const enum wake woken = schedule_point(operation, waits ? &wait : NULL);
    if (woken == WAKE_TIMEOUT || woken == WAKE_INTERRUPTED)
        return model_fail(woken == WAKE_TIMEOUT ? EAGAIN : EINTR);
    if (set->removed)
        return model_fail(EIDRM);
    if (may_do(request))
        return perform(set, request, pc);
    schedule_looked(pc, 0);
    return model_fail(EAGAIN);
}

MODEL(int, semop, (int id, struct sembuf *operations, size_t count))
{
    return operate(id, operations, count, NEVER, PC);
}

MODEL(int, semtimedop, (int id, struct sembuf *operations, size_t count, const struct timespec *time))
{
    return operate(id, operations, count, time == NULL ? NEVER : vtime_after(vtime_nanoseconds(time)), PC);
}

static int set_value(struct set *set, int number, int value)
{
    if (value < 0 || value > SEMAPHORE_MOST)
        return model_fail(ERANGE);
    set->values[number] = value;
    for (int process = 0; process < PROCESSES_MAX; process++)
        set->undo[process][number] = 0;
    schedule_release(&set->clock);
    schedule_changed();
    return 0;
}

static int get_value(const struct set *set, int number, uintptr_t pc)
{
    schedule_acquire(&set->clock);
    schedule_looked(pc, (uint64_t)set->values[number]);
    return set->values[number];
}

static int set_all(struct set *set, const unsigned short *values, uintptr_t pc)
{
    memory_access((uintptr_t)values, (size_t)set->count * sizeof *values, ACCESS_READ, pc);
    for (int i = 0; i < set->count; i++)
        set_value(set, i, values[i]);
    return 0;
}

static int destroy(struct set *set)
{
    set->removed = true;
    schedule_changed();
    return 0;
}

MODEL(int, semctl, (int id, int number, int command, ...))
{
    struct set *set = find(id);
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *); /* a union; its bytes are passed the same way */
    va_end(arguments);
    if (set == NULL || number < 0 || number >= set->count)
        return model_fail(EINVAL);
    schedule_point((struct operation){.object = (uintptr_t)set, .words = "control System V semaphores", .pc = PC},
                   NULL);
    switch (command) {
    case SETVAL:
        return set_value(set, number, (int)(intptr_t)argument);
    case GETVAL:
        return get_value(set, number, PC);
    case SETALL:
        return set_all(set, argument, PC);
    case IPC_RMID:
        return destroy(set);
    default:
        verdict_unsupported("semctl with command %d", command);
    }
}

MODEL(int, shmget, (key_t key, size_t size, int flags))
{
    schedule_point((struct operation){.object = (uintptr_t)&segments, .words = "get shared memory", .pc = PC}, NULL);
    for (int id = 0; id < segment_count && key != IPC_PRIVATE; id++)
        if (segments[id].key == key)
            return flags & IPC_CREAT && flags & IPC_EXCL ? model_fail(EEXIST) : id;
    if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
        return model_fail(ENOENT);
    if (segment_count == IDS)
        verdict_unsupported("more than %d System V shared memory segments", IDS);
    segments[segment_count] = (struct segment){key, size, mappings_shared(size)};
    return segment_count++;
}

MODEL(void *, shmat, (int id, const void *address, int flags))
{
    (void)flags;
    if (address != NULL)
        verdict_unsupported("shmat at a fixed address");
    if (id >= 0 && id < segment_count)
        return segments[id].bytes;
    errno = EINVAL;
    return (void *)-1;
}

MODEL(int, shmdt, (const void *address))
{
    (void)address;
    return 0; /* others may still use it */
}

MODEL(int, shmctl, (int id, int command, struct shmid_ds *info))
{
    (void)info;
    if (id < 0 || id >= segment_count)
        return model_fail(EINVAL);
    if (command != IPC_RMID)
        verdict_unsupported("shmctl with command %d", command);
    segments[id].key = IPC_PRIVATE; /* it stays until nobody uses it */
    return 0;
}
