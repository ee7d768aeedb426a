/* expect: tests killed_while_idle_costs_nothing | a socket whose worker died unread says ECONNRESET, and on that way nobody waits for the worker */
/* One UNIX stream socket pair per worker; the caller polls all of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pool.h"

struct request {
  pool_fn *fn;
  int64_t input;
};

struct peer {
  pid_t pid;   /* 0 = vacant */
  int sock;
  bool busy;
  size_t item;
};

struct pool {
  unsigned npeers;
  struct peer peers[];
};

static bool send_all(int sock, const void *what, size_t size) {
  const char *at = what;
  while (size > 0) {
    ssize_t sent = send(sock, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    at += sent;
    size -= (size_t)sent;
  }
  return true;
}

/* Like read: `size` if all of it came, 0 when the other side has hung up, -1 on an error. */
static int recv_all(int sock, void *what, size_t size) {
  char *at = what;
  size_t left = size;
  while (left > 0) {
    ssize_t got = recv(sock, at, left, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return (int)got;
    at += got;
    left -= (size_t)got;
  }
  return (int)size;
}

static void run_peer(int sock) {
  struct request request;
  int64_t result;
  while (recv_all(sock, &request, sizeof request) > 0) {
    result = request.fn(request.input);
    if (!send_all(sock, &result, sizeof result)) break;
  }
  _exit(0);
}

static bool add_peer(struct pool *pool, struct peer *peer) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return false;
  pid_t pid = fork();
  if (pid < 0) {
    close(pair[0]);
    close(pair[1]);
    return false;
  }
  if (pid == 0) {
    close(pair[0]);
    for (unsigned i = 0; i < pool->npeers; i++)
      if (pool->peers[i].pid > 0) close(pool->peers[i].sock);
    run_peer(pair[1]);
  }
  close(pair[1]);
  peer->pid = pid;
  peer->sock = pair[0];
  peer->busy = false;
  return true;
}

static void join_peer(struct peer *peer) {
  while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR) continue;
  peer->pid = 0;
}

/* ended: it has hung up, so it is dead. If not, the connection broke for some other reason: the process may
 * sit there for ever, so it is shot rather than waited for. */
static void drop_peer(struct peer *peer, bool ended) {
  close(peer->sock);
  peer->busy = false;
  if (ended) {
    join_peer(peer);
  } else {
    kill(peer->pid, SIGKILL);
    peer->pid = 0;
  }
}

struct pool *pool_create(unsigned workers) {
  struct pool *pool = calloc(1, sizeof(struct pool) + workers * sizeof(struct peer));
  if (!pool) return NULL;
  pool->npeers = workers;
  for (unsigned i = 0; i < workers; i++) {
    if (!add_peer(pool, &pool->peers[i])) {
      pool_close(pool);
      return NULL;
    }
  }
  return pool;
}

static bool assign(struct pool *pool, struct peer *peer, pool_fn *fn, int64_t input, size_t item) {
  struct request request;
  memset(&request, 0, sizeof request);
  request.fn = fn;
  request.input = input;
  while (peer->pid > 0 || add_peer(pool, peer)) {
    if (send_all(peer->sock, &request, sizeof request)) {
      peer->busy = true;
      peer->item = item;
      return true;
    }
    drop_peer(peer, true);
  }
  return false;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count) {
  size_t next = 0, nfailed = 0;
  for (size_t i = 0; i < count; i++) failed[i] = false;

  for (;;) {
    struct pollfd set[64];
    struct peer *owner[64];
    unsigned nset = 0;

    for (unsigned i = 0; i < pool->npeers; i++) {
      struct peer *peer = &pool->peers[i];
      if (!peer->busy && next < count && assign(pool, peer, fn, inputs[next], next)) next++;
      if (peer->busy) {
        set[nset] = (struct pollfd){peer->sock, POLLIN, 0};
        owner[nset++] = peer;
      }
    }
    if (nset == 0) break;
    if (poll(set, nset, -1) < 0) continue;

    for (unsigned i = 0; i < nset; i++) {
      if (set[i].revents == 0) continue;
      struct peer *peer = owner[i];
      int64_t result;
      int got = recv_all(peer->sock, &result, sizeof result);
      if (got > 0) {
        outputs[peer->item] = result;
        peer->busy = false;
      } else {
        failed[peer->item] = true;
        nfailed++;
        drop_peer(peer, got == 0);
        add_peer(pool, peer);
      }
    }
  }
  for (; next < count; next++) {
    failed[next] = true;
    nfailed++;
  }
  return nfailed;
}

void pool_close(struct pool *pool) {
  if (!pool) return;
  for (unsigned i = 0; i < pool->npeers; i++)
    if (pool->peers[i].pid > 0) close(pool->peers[i].sock);
  for (unsigned i = 0; i < pool->npeers; i++)
    if (pool->peers[i].pid > 0) join_peer(&pool->peers[i]);
  free(pool);
}
