#include "record_locks.h"

#include <stdbool.h>
#include <sys/file.h>
#include <unistd.h>

#include "arena.h"
#include "family.h"
#include "files.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"

/* Who holds it: a process, or an open file; flock's never meet fcntl's. */
struct owner {
    int process; /* NOBODY: the file does */
    const struct file *file;
    bool whole;
};

struct record_lock {
    struct record_lock *next;
    struct owner owner;
    bool writes;
    uint64_t begin, end; /* end: behind the last byte */
};

struct request {
    struct inode *inode;
    struct record_lock lock;
};

static bool same_owner(const struct owner *one, const struct owner *other)
{
    return one->process == other->process && one->file == other->file && one->whole == other->whole;
}

static bool overlap(const struct record_lock *one, const struct record_lock *other)
{
    return one->begin < other->end && other->begin < one->end;
}

static struct record_lock *conflict(const struct request *request)
{
    for (struct record_lock *held = request->inode->locks; held != NULL; held = held->next)
        if (held->owner.whole == request->lock.owner.whole && !same_owner(&held->owner, &request->lock.owner) &&
            overlap(held, &request->lock) && (held->writes || request->lock.writes))
            return held;
    return NULL;
}

static bool is_free(void *request)
{
    return conflict(request) == NULL;
}

static void add(struct inode *inode, const struct record_lock *lock)
{
    struct record_lock *copy = arena_take(sizeof *copy);
    *copy = *lock;
    copy->next = inode->locks;
    inode->locks = copy;
}

/* Whatever of its owner's locks lies in this range goes, but for what sticks out. Whether there was any. */
static bool cut(struct inode *inode, const struct record_lock *range)
{
    bool any = false;
    for (struct record_lock **at = &inode->locks, *held; (held = *at) != NULL;) {
        if (!same_owner(&held->owner, &range->owner) || !overlap(held, range)) {
            at = &held->next;
            continue;
        }
        struct record_lock left = *held, right = *held;
        any = true;
        *at = held->next;
        left.end = range->begin;
        right.begin = range->end;
        if (left.begin < left.end)
            add(inode, &left);
        if (right.begin < right.end)
            add(inode, &right);
        at = &inode->locks;
    }
    return any;
}

static void give_back_all(struct inode *inode, struct owner owner, const struct clock *known)
{
    const struct record_lock everything = {.owner = owner, .end = UINT64_MAX};
    if (cut(inode, &everything)) {
        clock_join(&inode->unlock, known);
        schedule_changed();
    }
}

void record_locks_closed(const struct file *file, int process, const struct clock *known)
{
    if (file->kind != FILE_MEMORY || file->inode->locks == NULL)
        return;
    give_back_all(file->inode, (struct owner){process, NULL, false}, known);
    if (file->uses > 1)
        return;
    give_back_all(file->inode, (struct owner){NOBODY, file, false}, known);
    give_back_all(file->inode, (struct owner){NOBODY, file, true}, known);
}

static int unlock(const struct request *request, uintptr_t pc)
{
    if (cut(request->inode, &request->lock)) {
        schedule_release(&request->inode->unlock);
        schedule_changed();
        trace_event(pc, "gives the file lock back");
    }
    return 0;
}

static int set(struct request *request, bool unlocks, bool waits, uintptr_t pc)
{
    const struct wait wait = {is_free, request, NEVER, false};
    const struct operation operation = {.object = (uintptr_t)request->inode,
                                        .interrupt = INTERRUPT_RESTARTS,
                                        .words = unlocks ? "unlock a file" : "lock a file",
                                        .pc = pc};
    if (schedule_point(operation, waits && !unlocks ? &wait : NULL) == WAKE_INTERRUPTED)
        return model_fail(EINTR);
    if (unlocks)
        return unlock(request, pc);
    if (conflict(request) != NULL) {
        schedule_looked(pc, 1);
        return model_fail(EAGAIN);
    }
    cut(request->inode, &request->lock);
    add(request->inode, &request->lock);
    schedule_acquire(&request->inode->unlock);
    schedule_changed();
    trace_event(pc, "takes the file lock");
    return 0;
}

static bool read_range(const struct file *file, const struct flock *wish, struct record_lock *lock)
{
    int64_t begin = wish->l_start;
    if (wish->l_whence == SEEK_CUR)
        begin += (int64_t)file->position;
    if (wish->l_whence == SEEK_END)
        begin += (int64_t)file->inode->size;
    const int64_t other = begin + wish->l_len;
    if (begin < 0 || other < 0)
        return false;
    lock->begin = (uint64_t)(other < begin ? other : begin);
    lock->end = wish->l_len == 0 ? UINT64_MAX : (uint64_t)(other < begin ? begin : other);
    return true;
}

static int look(const struct request *request, struct flock *wish, uintptr_t pc)
{
    schedule_point(
        (struct operation){.object = (uintptr_t)request->inode, .reads = true, .words = "look at file locks", .pc = pc},
        NULL);
    const struct record_lock *held = conflict(request);
    memory_access((uintptr_t)wish, sizeof *wish, ACCESS_WRITE, pc);
    schedule_looked(pc, held != NULL);
    if (held == NULL) {
        wish->l_type = F_UNLCK;
        return 0;
    }
    *wish = (struct flock){.l_type = held->writes ? F_WRLCK : F_RDLCK,
                           .l_whence = SEEK_SET,
                           .l_start = (off_t)held->begin,
                           .l_len = held->end == UINT64_MAX ? 0 : (off_t)(held->end - held->begin),
                           .l_pid = held->owner.process == NOBODY ? -1 : family_pid(held->owner.process)};
    return 0;
}

int record_locks_control(struct file *file, int command, struct flock *wish, uintptr_t pc)
{
    const bool of_file = command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK;
    struct request *request = arena_zero(sizeof *request);
    memory_access((uintptr_t)wish, sizeof *wish, ACCESS_READ, pc);
    request->inode = file->inode;
    request->lock.writes = wish->l_type == F_WRLCK;
    request->lock.owner =
        of_file ? (struct owner){NOBODY, file, false} : (struct owner){thread_self()->process, NULL, false};
    if (!read_range(file, wish, &request->lock))
        return model_fail(EINVAL);
    if (command == F_GETLK || command == F_OFD_GETLK)
        return look(request, wish, pc);
    return set(request, wish->l_type == F_UNLCK, command == F_SETLKW || command == F_OFD_SETLKW, pc);
}

MODEL(int, flock, (int number, int operation))
{
    struct file *file = descriptors_find(number);
    if (file == NULL || file->kind != FILE_MEMORY)
        return model_fail(file == NULL ? EBADF : EINVAL);
    struct request *request = arena_zero(sizeof *request);
    const int kind = operation & ~LOCK_NB;
    request->inode = file->inode;
    request->lock =
        (struct record_lock){.owner = {NOBODY, file, true}, .writes = kind == LOCK_EX, .begin = 0, .end = UINT64_MAX};
    return set(request, kind == LOCK_UN, !(operation & LOCK_NB), PC);
}

MODEL(int, lockf, (int number, int command, off_t length))
{
    struct file *file = descriptors_find(number);
    struct flock wish = {.l_type = command == F_ULOCK ? F_UNLCK : F_WRLCK, .l_whence = SEEK_CUR, .l_len = length};
    if (file == NULL || file->kind != FILE_MEMORY || command == F_TEST)
        return model_fail(file == NULL ? EBADF : EINVAL);
    return record_locks_control(file, command == F_LOCK ? F_SETLKW : F_SETLK, &wish, PC);
}
