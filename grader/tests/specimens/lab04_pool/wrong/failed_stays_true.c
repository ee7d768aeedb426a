/* expect: tests failed[0] | an item is marked as failed when its worker dies, and the mark stays when another worker does it */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define BITS (8 * sizeof(unsigned long))
#define LONGS(fd) ((size_t)(fd) / BITS + 1)
#define SET(bits, fd) ((bits)[(size_t)(fd) / BITS] |= 1ul << ((size_t)(fd) % BITS))
#define IS_SET(bits, fd) ((bits)[(size_t)(fd) / BITS] >> ((size_t)(fd) % BITS) & 1)

/*
 * A worker answers each order with one byte RECEIPT before it calls fn, and with eight bytes after it.
 * Both go through a stream, so the caller puts the nine bytes together itself.
 */
struct helper {
	pid_t	pid;		/* 0 = none */
	int	fd;
	int	has_item;
	size_t	item;
	size_t	got;		/* how many of the 9 bytes have come */
	char	bytes[9];
};

struct pool {
	unsigned	n;
	struct helper	h[64];
	unsigned long	*bits;	/* for select */
	size_t		longs;
};

struct request {
	pool_fn	*fn;
	int64_t	x;
};

static int
send_bytes(int fd, const void *p, size_t n)
{
	const char *c = p;
	ssize_t r;

	for (; n > 0; c += r, n -= (size_t)r) {
		r = send(fd, c, n, MSG_NOSIGNAL);
		if (r < 0) {
			if (errno != EINTR)
				return -1;
			r = 0;
		}
	}
	return 0;
}

static int
recv_bytes(int fd, void *p, size_t n)
{
	char *c = p;
	ssize_t r;

	for (; n > 0; c += r, n -= (size_t)r) {
		r = recv(fd, c, n, 0);
		if (r == 0)
			return -1;
		if (r < 0) {
			if (errno != EINTR)
				return -1;
			r = 0;
		}
	}
	return 0;
}

static int
start_helper(struct pool *p, unsigned k)
{
	int sv[2];
	unsigned i;
	pid_t boss = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	if (p->longs < LONGS(sv[0])) {
		unsigned long *more = realloc(p->bits, LONGS(sv[0]) * sizeof *more);
		if (more == NULL) {
			close(sv[0]);
			close(sv[1]);
			return -1;
		}
		p->bits = more;
		p->longs = LONGS(sv[0]);
	}
	pid = fork();
	if (pid == 0) {
		struct request q;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != boss)
			_exit(1);
		close(sv[0]);
		for (i = 0; i < p->n; i++)
			if (p->h[i].pid)
				close(p->h[i].fd);
		while (recv_bytes(sv[1], &q, sizeof q) == 0) {
			int64_t y;
			if (send_bytes(sv[1], "!", 1) < 0)
				break;
			y = q.fn(q.x);
			if (send_bytes(sv[1], &y, sizeof y) < 0)
				break;
		}
		_exit(0);
	}
	close(sv[1]);
	if (pid < 0) {
		close(sv[0]);
		return -1;
	}
	p->h[k].pid = pid;
	p->h[k].fd = sv[0];
	p->h[k].has_item = 0;
	return 0;
}

static void
wait_for(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* removes helpers that died without an item */
static void
sweep(struct pool *p)
{
	unsigned i;
	pid_t r;

	for (i = 0; i < p->n; i++) {
		if (p->h[i].pid == 0 || p->h[i].has_item)
			continue;
		do
			r = waitpid(p->h[i].pid, NULL, WNOHANG);
		while (r < 0 && errno == EINTR);
		if (r != 0) {
			close(p->h[i].fd);
			p->h[i].pid = 0;
		}
	}
}

struct pool *
pool_create(unsigned workers)
{
	struct pool *p = calloc(1, sizeof *p);
	unsigned i;

	if (p == NULL)
		return NULL;
	p->n = workers;
	for (i = 0; i < workers; i++)
		if (start_helper(p, i) < 0) {
			pool_close(p);
			return NULL;
		}
	return p;
}

size_t
pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
	size_t given = 0, finished = 0, lost = 0, back[64], nback = 0;
	unsigned i, living;
	struct helper *h;
	ssize_t r;

	if (count > 0)
		memset(failed, 0, count * sizeof *failed);
	sweep(p);
	while (finished < count) {
		int top = -1;
		struct timeval tv = {0, 10000};

		living = 0;
		for (i = 0; i < p->n; i++) {
			h = &p->h[i];
			if (h->pid == 0 && start_helper(p, i) < 0)
				continue;
			living++;
			if (!h->has_item && (nback || given < count)) {
				struct request q = {fn, 0};
				h->item = nback ? back[--nback] : given++;
				h->has_item = 1;
				h->got = 0;
				q.x = inputs[h->item];
				send_bytes(h->fd, &q, sizeof q);
			}
		}
		memset(p->bits, 0, p->longs * sizeof *p->bits);
		for (i = 0; i < p->n; i++)
			if (p->h[i].pid) {
				SET(p->bits, p->h[i].fd);
				if (p->h[i].fd > top)
					top = p->h[i].fd;
			}
		/* with nobody at all: a pause, then another try */
		if (select(top + 1, (fd_set *)p->bits, NULL, NULL, living ? NULL : &tv) <= 0)
			continue;
		for (i = 0; i < p->n; i++) {
			h = &p->h[i];
			if (h->pid == 0 || !IS_SET(p->bits, h->fd))
				continue;
			if (!h->has_item) {
				/* idle helpers say nothing: this is the end of it */
				wait_for(h->pid);
				close(h->fd);
				h->pid = 0;
				continue;
			}
			r = recv(h->fd, h->bytes + h->got, sizeof h->bytes - h->got, MSG_DONTWAIT);
			if (r < 0 && (errno == EINTR || errno == EAGAIN))
				continue;
			if (r > 0) {
				h->got += (size_t)r;
				if (h->got == sizeof h->bytes) {
					memcpy(&outputs[h->item], h->bytes + 1, 8);
					h->has_item = 0;
					finished++;
				}
				continue;
			}
			wait_for(h->pid);
			close(h->fd);
			h->pid = 0;
			h->has_item = 0;
			failed[h->item] = true;
			if (h->got == 0) {
				back[nback++] = h->item;
			} else {
				lost++;
				finished++;
			}
		}
	}
	sweep(p);
	for (i = 0; i < p->n; i++)
		if (p->h[i].pid == 0)
			start_helper(p, i);
	return lost;
}

void
pool_close(struct pool *p)
{
	unsigned i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++)
		if (p->h[i].pid)
			shutdown(p->h[i].fd, SHUT_RDWR);
	for (i = 0; i < p->n; i++)
		if (p->h[i].pid) {
			wait_for(p->h[i].pid);
			close(p->h[i].fd);
		}
	free(p->bits);
	free(p);
}
