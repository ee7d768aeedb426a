/* poll.c: poll, select and their kin: waiting for several descriptors. */
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <time.h>

#include "arena.h"
#include "footprints.h"
#include "memory.h"
#include "model.h"
#include "readiness.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "verdict.h"
#include "vtime.h"

enum { POLLED_MAX = 2 * DESCRIPTORS };

/* The program's array may be out of reach when another process runs: a copy is looked at. */
struct look {
    unsigned count;
    struct {
        struct pollfd asked;
        const struct file *file; /* NULL: none */
    } items[];
};

/* Room for `most` items, none yet. */
static struct look *new_look(nfds_t most)
{
    if (most > POLLED_MAX)
        verdict_unsupported("a poll of more than %d descriptors", POLLED_MAX);
    struct look *look = arena_take(sizeof *look + most * sizeof look->items[0]);
    look->count = 0;
    return look;
}

static short events_of(const struct look *look, unsigned i)
{
    const struct pollfd *asked = &look->items[i].asked;
    if (asked->fd < 0)
        return 0;
    return look->items[i].file != NULL ? readiness_of(look->items[i].file, asked->events) : POLLNVAL;
}

static bool any_ready(void *argument)
{
    const struct look *look = argument;
    for (unsigned i = 0; i < look->count; i++)
        if (events_of(look, i) != 0)
            return true;
    return false;
}

static void add(struct look *look, struct pollfd item)
{
    look->items[look->count].file = descriptors_find(item.fd);
    look->items[look->count++].asked = item;
}

static const struct footprint *touched_by(const struct look *look)
{
    struct footprint *touched = footprint_make(look->count * FOOTPRINT_PER_FILE);
    for (unsigned i = 0; i < look->count; i++)
        if (look->items[i].file != NULL)
            footprint_add_file(touched, look->items[i].file, false);
    return touched;
}

/* Waits, and fills in each item's revents. Returns how many are ready; -1: a signal came. */
static int wait_for(struct look *look, uint64_t nanoseconds, const char *words, uintptr_t pc)
{
    const uint64_t deadline = vtime_after(nanoseconds);
    const struct wait wait = {any_ready, look, deadline, false};
    const struct operation operation = {
        .more = touched_by(look), .data = true, .interrupt = INTERRUPT_FAILS, .words = words, .pc = pc};
    if (schedule_point(operation, nanoseconds == 0 ? NULL : &wait) == WAKE_INTERRUPTED)
        return -1;
    int ready = 0;
    for (unsigned i = 0; i < look->count; i++) {
        look->items[i].asked.revents = events_of(look, i);
        if (look->items[i].asked.revents == 0)
            continue;
        ready++;
        if (look->items[i].file != NULL)
            readiness_learn(look->items[i].file); /* what it tells was done before */
    }
    if (ready == 0)
        schedule_looked(pc, 0);
    return ready;
}

static int poll_until(struct pollfd *items, nfds_t count, uint64_t nanoseconds, const sigset_t *mask, uintptr_t pc)
{
    struct look *look = new_look(count);
    for (nfds_t i = 0; i < count; i++)
        add(look, items[i]);
    const uint64_t before = signals_mask_call(mask);
    const int ready = wait_for(look, nanoseconds, "poll", pc);
    signals_unmask_call(before);
    if (ready < 0)
        return model_fail(EINTR);
    memory_access((uintptr_t)items, count * sizeof *items, ACCESS_WRITE, pc);
    for (nfds_t i = 0; i < count; i++)
        items[i] = look->items[i].asked;
    return ready;
}

MODEL(int, poll, (struct pollfd * items, nfds_t count, int milliseconds))
{
    return poll_until(items, count, milliseconds < 0 ? NEVER : (uint64_t)milliseconds * 1000000u, NULL, PC);
}

MODEL(int, ppoll, (struct pollfd * items, nfds_t count, const struct timespec *time, const sigset_t *mask))
{
    return poll_until(items, count, time == NULL ? NEVER : vtime_nanoseconds(time), mask, PC);
}

struct sets {
    fd_set *reading, *writing, *special; /* each NULL: nothing of this kind */
};

static short wanted_of(const struct sets *sets, int number)
{
    short wanted = 0;
    if (sets->reading != NULL && FD_ISSET(number, sets->reading))
        wanted |= POLLIN;
    if (sets->writing != NULL && FD_ISSET(number, sets->writing))
        wanted |= POLLOUT;
    if (sets->special != NULL && FD_ISSET(number, sets->special))
        wanted |= POLLPRI;
    return wanted;
}

static unsigned count_wanted(const struct sets *sets, int count)
{
    unsigned wanted = 0;
    for (int number = 0; number < count; number++)
        wanted += wanted_of(sets, number) != 0;
    return wanted;
}

static int keep_if(fd_set *set, int number, bool holds)
{
    if (set == NULL || !FD_ISSET(number, set))
        return 0;
    if (!holds)
        FD_CLR(number, set);
    return holds;
}

static int tell(const struct sets *sets, const struct pollfd *item)
{
    return keep_if(sets->reading, item->fd, item->revents & (POLLIN | POLLHUP | POLLERR)) +
           keep_if(sets->writing, item->fd, item->revents & (POLLOUT | POLLERR)) +
           keep_if(sets->special, item->fd, item->revents & POLLPRI);
}

static void touch(const struct sets *sets, uintptr_t pc)
{
    fd_set *const all[] = {sets->reading, sets->writing, sets->special};
    for (int i = 0; i < 3; i++)
        if (all[i] != NULL)
            memory_access((uintptr_t)all[i], DESCRIPTORS / 8, ACCESS_WRITE, pc);
}

static int select_until(int count, struct sets sets, uint64_t nanoseconds, const sigset_t *mask, uintptr_t pc)
{
    const int most = count < FD_SETSIZE ? count : FD_SETSIZE;
    struct look *look = new_look(count_wanted(&sets, most));
    int told = 0;
    for (int number = 0; number < most; number++) {
        if (wanted_of(&sets, number) == 0)
            continue;
        add(look, (struct pollfd){.fd = number, .events = wanted_of(&sets, number)});
        if (look->items[look->count - 1].file == NULL)
            return model_fail(EBADF);
    }
    const uint64_t before = signals_mask_call(mask);
    const int ready = wait_for(look, nanoseconds, "select", pc);
    signals_unmask_call(before);
    if (ready < 0)
        return model_fail(EINTR);
    touch(&sets, pc);
    for (unsigned i = 0; i < look->count; i++)
        told += tell(&sets, &look->items[i].asked);
    return told;
}

/* Linux tells how much of the time is left. */
MODEL(int, select, (int count, fd_set *reading, fd_set *writing, fd_set *special, struct timeval *time))
{
    const struct sets sets = {reading, writing, special};
    if (time == NULL)
        return select_until(count, sets, NEVER, NULL, PC);
    const uint64_t all = vtime_nanoseconds(&(struct timespec){time->tv_sec, time->tv_usec * 1000}),
                   begin = schedule.now;
    const int told = select_until(count, sets, all, NULL, PC);
    const uint64_t passed = schedule.now - begin, left = passed < all ? all - passed : 0;
    memory_access((uintptr_t)time, sizeof *time, ACCESS_WRITE, PC);
    *time = (struct timeval){(time_t)(left / 1000000000u), (suseconds_t)(left % 1000000000u / 1000u)};
    return told;
}

MODEL(int, pselect,
      (int count, fd_set *reading, fd_set *writing, fd_set *special, const struct timespec *time, const sigset_t *mask))
{
    return select_until(count, (struct sets){reading, writing, special}, time == NULL ? NEVER : vtime_nanoseconds(time),
                        mask, PC);
}
