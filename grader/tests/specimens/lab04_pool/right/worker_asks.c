/* expect: right | the workers ask for items and say when they begin one; the last item is given first; a worker watches the caller through a pidfd */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum word { HELLO, TAKEN, DONE };
struct note { int64_t number; pool_fn *fn; int64_t word; };

struct hand {
    pid_t pid;              /* 0: dead and waited for */
    int sock;
    bool given, taken;
    size_t item;
};

struct pool {
    unsigned hands;
    unsigned ring[64], ring_first, ring_length;
    struct hand hand[64];
};

static bool say(int sock, int64_t word, int64_t number, pool_fn *fn)
{
    struct note note = {number, fn, word};
    while (send(sock, &note, sizeof note, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

static void toil(int sock, int boss)
{
    struct pollfd watch[] = {{.fd = sock, .events = POLLIN}, {.fd = boss, .events = POLLIN}};
    if (!say(sock, HELLO, 0, NULL))
        return;
    for (;;) {
        struct note note;
        if (poll(watch, 2, -1) < 0)
            continue;
        if (watch[1].revents)
            return; /* the caller is gone */
        ssize_t n = recv(sock, &note, sizeof note, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n != (ssize_t)sizeof note)
            return; /* the caller closes the pool */
        if (!say(sock, TAKEN, 0, NULL))
            return;
        if (!say(sock, DONE, note.fn(note.number), NULL))
            return;
    }
}

static bool add_hand(struct pool *pool, struct hand *hand)
{
    int sv[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
        return false;
    int boss = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (boss < 0) {
        close(sv[0]), close(sv[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(sv[0]);
        for (struct hand *h = pool->hand; h < pool->hand + pool->hands; h++)
            if (h->pid)
                close(h->sock);
        toil(sv[1], boss);
        _exit(0);
    }
    close(boss), close(sv[1]);
    if (pid < 0) {
        close(sv[0]);
        return false;
    }
    *hand = (struct hand){.pid = pid, .sock = sv[0]};
    return true;
}

static void lay_to_rest(struct hand *hand)
{
    while (waitpid(hand->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(hand->sock);
    hand->pid = 0;
}

static bool died_by_now(const struct hand *hand)
{
    siginfo_t info = {0};
    int r;
    while ((r = waitid(P_PID, (id_t)hand->pid, &info, WEXITED | WNOHANG | WNOWAIT)) < 0 && errno == EINTR)
        ;
    return r < 0 || info.si_pid == hand->pid;
}

/* No dead asker stays in the ring, so that no place stands in it twice. */
static void leave_ring(struct pool *pool)
{
    unsigned keep = 0;
    for (unsigned k = 0; k < pool->ring_length; k++) {
        unsigned who = pool->ring[(pool->ring_first + k) % 64];
        if (pool->hand[who].pid)
            pool->ring[(pool->ring_first + keep++) % 64] = who;
    }
    pool->ring_length = keep;
}

static void look_for_dead(struct pool *pool)
{
    for (unsigned i = 0; i < pool->hands; i++)
        if (pool->hand[i].pid && died_by_now(&pool->hand[i]))
            lay_to_rest(&pool->hand[i]);
    leave_ring(pool);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    for (; pool->hands < workers; pool->hands++)
        if (!add_hand(pool, &pool->hand[pool->hands])) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t ahead = count, open = count, lost = 0, back[64], backs = 0;

    look_for_dead(pool);

    while (open > 0) {
        unsigned living = 0;
        for (unsigned i = 0; i < pool->hands; i++)
            living += pool->hand[i].pid || add_hand(pool, &pool->hand[i]);
        if (living == 0) {
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
            continue;
        }

        while (pool->ring_length > 0 && (backs > 0 || ahead > 0)) {
            struct hand *hand = &pool->hand[pool->ring[pool->ring_first]];
            pool->ring_first = (pool->ring_first + 1) % 64;
            pool->ring_length--;
            hand->given = true;
            hand->taken = false;
            hand->item = backs > 0 ? back[--backs] : --ahead;
            say(hand->sock, TAKEN, inputs[hand->item], fn);
        }

        struct pollfd fds[64];
        for (unsigned i = 0; i < pool->hands; i++)
            fds[i] = (struct pollfd){.fd = pool->hand[i].pid ? pool->hand[i].sock : -1, .events = POLLIN};
        if (poll(fds, pool->hands, -1) < 0)
            continue;

        for (unsigned i = 0; i < pool->hands; i++) {
            struct hand *hand = &pool->hand[i];
            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            struct note note;
            ssize_t n = recv(hand->sock, &note, sizeof note, MSG_DONTWAIT);
            if (n == (ssize_t)sizeof note) {
                if (note.word == TAKEN) {
                    hand->taken = true;
                    continue;
                }
                if (note.word == DONE) {
                    outputs[hand->item] = note.number;
                    failed[hand->item] = false;
                    hand->given = false;
                    open--;
                }
                pool->ring[(pool->ring_first + pool->ring_length++) % 64] = i;
                continue;
            }
            if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ECONNRESET))
                continue;
            lay_to_rest(hand);
            leave_ring(pool);
            if (hand->given && hand->taken) {
                failed[hand->item] = true;
                lost++;
                open--;
            } else if (hand->given) {
                back[backs++] = hand->item;
            }
            hand->given = false;
        }
    }

    look_for_dead(pool);
    for (unsigned i = 0; i < pool->hands; i++)
        if (!pool->hand[i].pid)
            add_hand(pool, &pool->hand[i]);
    return lost;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->hands; i++)
        if (pool->hand[i].pid)
            shutdown(pool->hand[i].sock, SHUT_RDWR);
    for (unsigned i = 0; i < pool->hands; i++)
        if (pool->hand[i].pid)
            lay_to_rest(&pool->hand[i]);
    free(pool);
}
