#include "races_trial.h"

#include <stdlib.h>
#include <string.h>

#include "../object.h"
#include "../text.h"

/* Symbols that show that a hand-in synchronises in a way that some of the tools cannot see. */
static const char *const c11_threads[] = {"thrd_*", "mtx_*", "cnd_*", "call_once", "tss_*"};
static const char *const forks[] = {"fork", "vfork"};
static const char *const nobody_sees[] = {"flock", "lockf", "fcntl", "fcntl64"};
/* Of a lock helgrind knows the unlock only; that a thread was joined none but pthread_join tells all three. */
static const char *const half_seen[] = {"pthread_mutex_clocklock", "pthread_rwlock_timed*", "pthread_rwlock_clock*",
                                        "sem_clockwait", "pthread_clockjoin_np"};
/* After EOWNERDEAD, and in the handlers of a thread that was cancelled in a wait, they take the mutex for free. */
static const char *const misread[] = {"pthread_mutex_consistent", "pthread_cancel"};
static const char *const valgrind_blind[] = {"__tsan_atomic*", "syscall", "pipe",  "pipe2",       "eventfd",
                                             "socketpair",     "read",    "write", "pthread_once"};

static bool uses_any(const struct object *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (object_uses(object, names[i]))
            return true;
    return false;
}

/* Whether the compiler's assembly listing holds assembly of the hand-in's own (gcc and clang mark it with #APP). */
static bool has_assembly(const struct workspace *workspace)
{
    char *path = workspace_path(workspace, "bin/handin.s");
    char *listing = text_read_file(path, (size_t)64 << 20, NULL);
    const bool found = listing != NULL && strstr(listing, "#APP") != NULL;
    free(listing);
    free(path);
    return found;
}

bool trial_choose_judge(struct trial *trial, char **error)
{
    struct object object;
    char *path = workspace_path(trial->workspace, "bin/handin_tsan.o");
    const bool ok = object_read(&object, path, error);
    free(path);
    if (!ok)
        return false;
    trial->judge = JUDGE_TWO_TOOLS;
    trial->misread = uses_any(&object, misread, sizeof misread / sizeof *misread);
    trial->forks = uses_any(&object, forks, sizeof forks / sizeof *forks);
    if (uses_any(&object, c11_threads, sizeof c11_threads / sizeof *c11_threads)) {
        trial->c11 = true;
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it uses C11 threads, which these tools do not understand";
    } else if (uses_any(&object, nobody_sees, sizeof nobody_sees / sizeof *nobody_sees)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it uses file locks, which these tools do not understand";
    } else if (uses_any(&object, half_seen, sizeof half_seen / sizeof *half_seen)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it waits for a lock, a semaphore or a thread with a time-out, which these tools do not understand";
    } else if (has_assembly(trial->workspace)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it holds assembly, which these tools cannot follow";
    } else if (trial->misread) {
        trial->judge = JUDGE_TSAN;
        trial->reason = "it uses robust mutexes or cancels threads: helgrind and drd lose track of who has a mutex";
    } else if (uses_any(&object, valgrind_blind, sizeof valgrind_blind / sizeof *valgrind_blind)) {
        trial->judge = JUDGE_TSAN;
        trial->reason = "it uses atomics or descriptors, which helgrind and drd do not understand";
    }
    object_release(&object);
    return true;
}

static bool mentions_line(const struct accusations *said, int line)
{
    for (size_t i = 0; i < said->count; i++)
        if (said->items[i].kind == ACCUSATION_RACE &&
            (said->items[i].first.line == line || said->items[i].second.line == line))
            return true;
    return false;
}

/* Whether another tool than `tool` reports a race at `line`. (drd names one access at a time, the others both.) */
static bool others_agree(const struct trial *trial, size_t tool, int line)
{
    for (size_t i = 0; i < TOOLS; i++)
        if (i != tool && mentions_line(&trial->said[i], line))
            return true;
    return false;
}

static bool same_place(const struct accusation *a, const struct accusation *b)
{
    return a->kind == b->kind && ((a->first.line == b->first.line && a->second.line == b->second.line) ||
                                  (a->first.line == b->second.line && a->second.line == b->first.line));
}

/* Whether another tool than `tool` reports just this pair of lines. */
static bool others_report_pair(const struct trial *trial, size_t tool, const struct accusation *item)
{
    for (size_t t = 0; t < TOOLS; t++)
        for (size_t i = 0; i < trial->said[t].count; i++)
            if (t != tool && same_place(item, &trial->said[t].items[i]))
                return true;
    return false;
}

/* Whether the explorer has run what is accused, in all schedules that matter, and found every access ordered. */
bool trial_is_acquitted(const struct trial *trial, const struct accusation *item)
{
    const struct ruling *ruling = &trial->ruling;
    return item->kind == ACCUSATION_RACE && ruling_acquits(ruling) && ruling_covers(ruling, item->first.line) &&
           (item->second.line == 0 || ruling_covers(ruling, item->second.line));
}

bool trial_is_overshadowed(const struct trial *trial)
{
    return trial->ruling.judged && trial->ruling.fails;
}

enum worth trial_weigh(const struct trial *trial, size_t tool, const struct accusation *item)
{
    if (trial_is_acquitted(trial, item) || trial_is_overshadowed(trial) ||
        (trial->misread && item->kind != ACCUSATION_RACE))
        return DOUBTFUL;
    switch (trial->judge) {
    case JUDGE_NOBODY:
        return DOUBTFUL;
    case JUDGE_TSAN:
        return tool == TSAN || item->kind != ACCUSATION_RACE ? PROVEN : DOUBTFUL;
    case JUDGE_TWO_TOOLS:
        if (item->kind != ACCUSATION_RACE || (item->second.line > 0 && others_report_pair(trial, tool, item)))
            return PROVEN;
        if (others_agree(trial, tool, item->first.line) ||
            (item->second.line > 0 && others_agree(trial, tool, item->second.line)))
            return LINE_PROVEN;
        return DOUBTFUL;
    }
    return DOUBTFUL;
}

bool trial_is_race_at(const struct accusation *item, const struct ruling_race *race)
{
    const int a = race->places[0].line, b = race->places[1].line;
    return item->kind == ACCUSATION_RACE &&
           ((item->first.line == a && (item->second.line == b || item->second.line == 0)) ||
            (item->first.line == b && (item->second.line == a || item->second.line == 0)));
}

/* Whether the explorer, or an accusation before this one, says the same. */
bool trial_is_repeated(const struct trial *trial, size_t tool, size_t index)
{
    for (size_t i = 0; i < trial->ruling.races_count; i++)
        if (trial_is_race_at(&trial->said[tool].items[index], &trial->ruling.races[i]))
            return true;
    for (size_t t = 0; t <= tool; t++)
        for (size_t i = 0; i < (t < tool ? trial->said[t].count : index); i++)
            if (same_place(&trial->said[t].items[i], &trial->said[tool].items[index]))
                return true;
    return false;
}
