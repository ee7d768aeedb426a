/* expect: tests crawl_treats_redirects_as_links; schedules crawl_counts_redirects | the Location of a redirect keeps its fragment, so that its page is visited twice */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "links.h"
#include "seen.h"

/* Sleeps if *word is `value` still; may return for any reason. */
static void futex_wait(atomic_uint *word, unsigned value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int how_many)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

/* The lock: 0 free, 1 taken, 2 taken and somebody may sleep (Drepper, "Futexes are tricky", mutex 2). */
static void lock(atomic_uint *l)
{
	unsigned old = 0;

	if (atomic_compare_exchange_strong(l, &old, 1))
		return;
	if (old != 2)
		old = atomic_exchange(l, 2);
	while (old != 0) {
		futex_wait(l, 2);
		old = atomic_exchange(l, 2);
	}
}

static void unlock(atomic_uint *l)
{
	if (atomic_exchange(l, 0) == 2)
		futex_wake(l, 1);
}

/* An event count is a condition: whoever changes something adds 1 under the lock; whoever waits reads it under the lock. */
static void event_wait(atomic_uint *event, atomic_uint *l)
{
	unsigned now = atomic_load(event);

	unlock(l);
	futex_wait(event, now);
	lock(l);
}

static void event_tell(atomic_uint *event, int how_many)
{
	atomic_fetch_add(event, 1);
	futex_wake(event, how_many);
}

struct crawler_queue {
	atomic_uint lock;
	atomic_uint came, went, done;	/* events */
	void **ring;
	size_t size, from, n;
	size_t bound, unfinished;
	bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
	struct crawler_queue *q = malloc(sizeof *q);

	if (!q)
		return NULL;
	atomic_init(&q->lock, 0);
	atomic_init(&q->came, 0);
	atomic_init(&q->went, 0);
	atomic_init(&q->done, 0);
	q->bound = capacity;
	q->size = capacity ? capacity : 64;
	q->from = q->n = q->unfinished = 0;
	q->closed = false;
	q->ring = calloc(q->size, sizeof *q->ring);
	if (!q->ring) {
		free(q);
		return NULL;
	}
	return q;
}

static bool grow(struct crawler_queue *q)
{
	size_t right = q->size - q->from;	/* how many lie before the seam, as the ring is full */
	void **ring = calloc(q->size, 2 * sizeof *ring);

	if (!ring)
		return false;
	memcpy(ring, q->ring + q->from, right * sizeof *ring);
	memcpy(ring + right, q->ring, q->from * sizeof *ring);
	free(q->ring);
	q->ring = ring;
	q->from = 0;
	q->size *= 2;
	return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
	bool ok;

	lock(&q->lock);
	while (!q->closed && q->bound && q->n == q->bound)
		event_wait(&q->went, &q->lock);
	ok = !q->closed && (q->n < q->size || grow(q));
	if (ok) {
		q->ring[(q->from + q->n) % q->size] = item;
		q->n++;
		q->unfinished++;
		event_tell(&q->came, 1);
	}
	unlock(&q->lock);
	return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
	bool ok;

	lock(&q->lock);
	while (!q->closed && q->n == 0)
		event_wait(&q->came, &q->lock);
	ok = q->n != 0;
	if (ok) {
		*item = q->ring[q->from];
		q->from = (q->from + 1) % q->size;
		q->n--;
		event_tell(&q->went, 1);
	}
	unlock(&q->lock);
	return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
	lock(&q->lock);
	if (--q->unfinished == 0)
		event_tell(&q->done, INT_MAX);
	unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
	lock(&q->lock);
	while (q->unfinished)
		event_wait(&q->done, &q->lock);
	unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
	lock(&q->lock);
	q->closed = true;
	event_tell(&q->came, INT_MAX);
	event_tell(&q->went, INT_MAX);
	unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
	if (q) {
		free(q->ring);
		free(q);
	}
}

/* ---- */

struct crawl {
	struct crawler_queue *q;
	const char *start;
	pthread_mutex_t m;	/* for the rest */
	struct seen *seen;
	struct crawler_result r;
	bool oom;
};

struct address {	/* an item: one piece of memory for all of it */
	size_t length;
	char text[];
};

struct got {
	char *p;
	size_t n, room;
	int oom;
};

static size_t got_more(char *p, size_t one, size_t many, void *v)
{
	struct got *g = v;
	size_t n = one * many;

	if (g->n + n > g->room) {
		size_t room = g->n + n < 16384 ? 16384 : (g->n + n) / 2 * 3;
		char *q = realloc(g->p, room);

		if (!q) {
			g->oom = 1;
			return n + 1;
		}
		g->p = q;
		g->room = room;
	}
	if (n)
		memcpy(g->p + g->n, p, n);
	g->n += n;
	return n;
}

/* All the new ones among the addresses are marked in one go, then put. */
static void add_all(struct crawl *c, char **urls, size_t n)
{
	size_t i;

	pthread_mutex_lock(&c->m);
	for (i = 0; i < n; i++) {
		bool keep = links_same_site(c->start, urls[i]);

		if (keep && !seen_add(c->seen, urls[i])) {
			if (!c->seen->slots[seen_find(c->seen, urls[i])])
				c->oom = true;
			keep = false;
		}
		if (!keep) {
			free(urls[i]);
			urls[i] = NULL;
		}
	}
	pthread_mutex_unlock(&c->m);

	for (i = 0; i < n; i++) {
		size_t length;
		struct address *a;

		if (!urls[i])
			continue;
		length = strlen(urls[i]);
		a = malloc(sizeof *a + length + 1);
		if (a) {
			a->length = length;
			memcpy(a->text, urls[i], length + 1);
		}
		if (!a || !crawler_queue_put(c->q, a)) {
			free(a);
			pthread_mutex_lock(&c->m);
			c->oom = true;
			pthread_mutex_unlock(&c->m);
		}
	}
}

static void *worker(void *v)
{
	struct crawl *c = v;
	struct got g = { NULL, 0, 0, 0 };
	void *item;
	CURL *h = curl_easy_init();

	if (h) {
		curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, got_more);
		curl_easy_setopt(h, CURLOPT_WRITEDATA, &g);
	}
	while (crawler_queue_get(c->q, &item)) {
		struct address *a = item;
		struct links found = { NULL, 0 };
		char *target = NULL, *loc = NULL;
		long status = 0;
		CURLcode rc;
		bool stop;

		pthread_mutex_lock(&c->m);
		if (!h)
			c->oom = true;
		stop = c->oom;
		pthread_mutex_unlock(&c->m);

		if (!stop) {
			g.n = 0;
			rc = curl_easy_setopt(h, CURLOPT_URL, &a->text[0]);
			if (rc == CURLE_OK)
				rc = curl_easy_perform(h);
			if (rc == CURLE_OK)
				curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
			if (status / 100 == 2)
				found = links_find(a->text, g.n ? g.p : NULL, g.n);
			if (status / 100 == 3)
				curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &loc);
			if (loc)
				target = strdup(loc);

			pthread_mutex_lock(&c->m);
			switch (status / 100) {
			case 2:
				c->r.pages++;
				c->r.bytes += g.n;
				break;
			case 3:
				c->r.redirects++;
				break;
			default:
				c->r.errors++;
				break;
			}
			if (g.oom || rc == CURLE_OUT_OF_MEMORY)
				c->oom = true;
			pthread_mutex_unlock(&c->m);

			if (target)
				add_all(c, &target, 1);
			if (found.count)
				add_all(c, found.urls, found.count);
			free(target);
			links_free(&found);
		}
		free(a);
		crawler_queue_task_done(c->q);
	}
	if (h)
		curl_easy_cleanup(h);
	free(g.p);
	return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
	struct crawl c = { .start = start_url };
	pthread_t *t = calloc(workers, sizeof *t);
	char *first = strdup(start_url);
	unsigned i, n = 0;
	int rc = -1;

	c.q = crawler_queue_create(0);
	c.seen = seen_create();
	if (t && first && c.q && c.seen && !pthread_mutex_init(&c.m, NULL)) {
		while (n < workers && !pthread_create(&t[n], NULL, worker, &c))
			n++;
		if (n) {
			add_all(&c, &first, 1);
			crawler_queue_join(c.q);
		}
		crawler_queue_close(c.q);
		for (i = 0; i < n; i++)
			pthread_join(t[i], NULL);
		if (n && !c.oom) {
			*result = c.r;
			rc = 0;
		}
		pthread_mutex_destroy(&c.m);
	}
	free(first);
	free(t);
	seen_free(c.seen);
	crawler_queue_free(c.q);
	return rc;
}
