/* expect: tests orphans; schedules lost-wake-up | workers wait on a semaphore for ever when the caller is gone */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Orders lie in shared memory and are announced by a semaphore. Answers come through a pipe, which is good for poll, and
 * whose end tells of a death. */
struct desk {
    sem_t order;
    pool_fn *fn; /* NULL: closing time */
    int64_t number;
};

struct clerk {
    pid_t pid;
    int answers;
    bool busy;
    size_t item;
};

struct pool {
    unsigned clerks;
    struct desk *desks;
    struct clerk clerk[64];
};

static void sit_down(struct desk *desk, int answers)
{
    for (;;) {
        if (sem_wait(&desk->order) != 0)
            continue;
        if (desk->fn == NULL)
            _exit(0);
        int64_t answer = desk->fn(desk->number);
        if (write(answers, &answer, sizeof answer) != sizeof answer)
            _exit(1);
    }
}

static bool seat(struct pool *pool, unsigned who)
{
    struct clerk *clerk = &pool->clerk[who];
    int answers[2];
    clerk->busy = false;
    clerk->pid = 0;
    if (pipe(answers) != 0)
        return false;
    sem_init(&pool->desks[who].order, 1, 0);
    const pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < pool->clerks; i++)
            if (pool->clerk[i].pid != 0)
                close(pool->clerk[i].answers);
        close(answers[0]);
        sit_down(&pool->desks[who], answers[1]);
    }
    close(answers[1]);
    if (pid < 0) {
        close(answers[0]);
        return false;
    }
    clerk->pid = pid;
    clerk->answers = answers[0];
    return true;
}

static void clear_desk(struct pool *pool, unsigned who)
{
    struct clerk *clerk = &pool->clerk[who];
    if (clerk->pid == 0)
        return;
    pool->desks[who].fn = NULL;
    sem_post(&pool->desks[who].order);
    while (waitpid(clerk->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(clerk->answers);
    sem_destroy(&pool->desks[who].order);
    clerk->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    pool->desks = mmap(NULL, 64 * sizeof(struct desk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->desks == MAP_FAILED) {
        free(pool);
        return NULL;
    }
    pool->clerks = workers;
    for (unsigned who = 0; who < workers; who++)
        if (!seat(pool, who)) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, lost = 0;
    while (done < count) {
        struct pollfd fds[64];
        for (unsigned who = 0; who < pool->clerks; who++) {
            struct clerk *clerk = &pool->clerk[who];
            struct pollfd asleep = {.fd = clerk->answers, .events = POLLIN};
            if (clerk->pid != 0 && !clerk->busy && next < count && poll(&asleep, 1, 0) == 1)
                clear_desk(pool, who); /* its pipe has ended: it died */
            if (!clerk->busy && next < count && (clerk->pid != 0 || seat(pool, who))) {
                clerk->busy = true;
                clerk->item = next++;
                pool->desks[who].fn = fn;
                pool->desks[who].number = inputs[clerk->item];
                sem_post(&pool->desks[who].order);
            }
            fds[who] = (struct pollfd){.fd = clerk->busy ? clerk->answers : -1, .events = POLLIN};
        }
        if (poll(fds, pool->clerks, -1) < 0)
            continue;
        for (unsigned who = 0; who < pool->clerks; who++) {
            struct clerk *clerk = &pool->clerk[who];
            if (!clerk->busy || fds[who].revents == 0)
                continue;
            clerk->busy = false;
            done++;
            failed[clerk->item] = read(clerk->answers, &outputs[clerk->item], 8) != 8;
            if (failed[clerk->item]) {
                lost++;
                clear_desk(pool, who);
                seat(pool, who);
            }
        }
    }
    return lost;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned who = 0; who < pool->clerks; who++)
        clear_desk(pool, who);
    munmap(pool->desks, 64 * sizeof(struct desk));
    free(pool);
}
