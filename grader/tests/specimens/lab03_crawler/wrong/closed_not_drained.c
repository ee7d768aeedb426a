/* expect: tests drained; schedules assertion | get fails as soon as the queue is closed, items left or not */
#define _GNU_SOURCE
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <stdatomic.h>
#include <stdio.h>
#include <threads.h>

/* two piles: `in` takes what is put, `out` is `in` turned over when it runs empty */
struct sheet {
	void *what;
	struct sheet *below;
};

struct crawler_queue {
	mtx_t mtx;
	cnd_t cnd;	/* whatever changed */
	struct sheet *in, *out;
	size_t have, may;
	size_t promised;
	_Bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
	struct crawler_queue *q = calloc(1, sizeof *q);
	if (!q || mtx_init(&q->mtx, mtx_plain) != thrd_success) {
		free(q);
		return NULL;
	}
	cnd_init(&q->cnd);
	q->may = capacity;
	return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
	struct sheet *s = NULL;

	mtx_lock(&q->mtx);
	while (!q->closed && q->may && q->have == q->may)
		cnd_wait(&q->cnd, &q->mtx);
	if (!q->closed && (s = malloc(sizeof *s))) {
		s->what = item;
		s->below = q->in;
		q->in = s;
		q->have++;
		q->promised++;
		cnd_broadcast(&q->cnd);
	}
	mtx_unlock(&q->mtx);
	return s;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
	struct sheet *s;

	mtx_lock(&q->mtx);
	while (!q->closed && !q->have)
		cnd_wait(&q->cnd, &q->mtx);
	if (q->closed) {
		mtx_unlock(&q->mtx);
		return 0;
	}
	if (!q->out)
		while ((s = q->in)) {
			q->in = s->below;
			s->below = q->out;
			q->out = s;
		}
	s = q->out;
	q->out = s->below;
	q->have--;
	cnd_broadcast(&q->cnd);
	mtx_unlock(&q->mtx);
	*item = s->what;
	free(s);
	return 1;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
	mtx_lock(&q->mtx);
	if (--q->promised == 0)
		cnd_broadcast(&q->cnd);
	mtx_unlock(&q->mtx);
}

void crawler_queue_join(struct crawler_queue *q)
{
	mtx_lock(&q->mtx);
	while (q->promised)
		cnd_wait(&q->cnd, &q->mtx);
	mtx_unlock(&q->mtx);
}

void crawler_queue_close(struct crawler_queue *q)
{
	mtx_lock(&q->mtx);
	q->closed = 1;
	cnd_broadcast(&q->cnd);
	mtx_unlock(&q->mtx);
}

void crawler_queue_free(struct crawler_queue *q)
{
	struct sheet *s;

	if (!q)
		return;
	while ((s = q->in)) {
		q->in = s->below;
		free(s);
	}
	while ((s = q->out)) {
		q->out = s->below;
		free(s);
	}
	cnd_destroy(&q->cnd);
	mtx_destroy(&q->mtx);
	free(q);
}

static struct crawler_queue *urls;
static struct seen *known;
static mtx_t known_mtx;
static atomic_ulong pages, redirects, errors, bytes;
static const char *first_url;

static void add(const char *url)
{
	_Bool is_new;

	if (!url || !links_same_site(url, first_url))
		return;
	mtx_lock(&known_mtx);
	is_new = seen_add(known, url);
	mtx_unlock(&known_mtx);
	if (is_new && !crawler_queue_put(urls, strdup(url)))
		abort();
}

static void visit(const char *url)
{
	char *body = NULL, *to = NULL;
	size_t len = 0, i;
	long code = 0;
	FILE *f = open_memstream(&body, &len);
	CURL *c = curl_easy_init();

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	if (curl_easy_perform(c) == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
	fclose(f);
	switch (code / 100) {
	case 2: {
		struct links l = links_find(url, body, len);

		for (i = 0; i < l.count; i++)
			add(l.urls[i]);
		links_free(&l);
		pages++;
		bytes += len;
		break;
	}
	case 3:
		redirects++;
		curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
		to = to ? links_resolve(url, to) : NULL;
		add(to);
		free(to);
		break;
	default:
		errors++;
	}
	curl_easy_cleanup(c);
	free(body);
}

static int worker(void *arg)
{
	void *url;

	(void)arg;
	while (crawler_queue_get(urls, &url)) {
		visit(url);
		free(url);
		crawler_queue_task_done(urls);
	}
	return 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
	thrd_t t[workers];
	unsigned n;

	pages = redirects = errors = bytes = 0;
	mtx_init(&known_mtx, mtx_plain);
	known = seen_create();
	urls = crawler_queue_create(0);
	first_url = start_url;
	add(start_url);
	for (n = 0; n < workers; n++)
		if (thrd_create(t + n, worker, NULL) != thrd_success)
			break;
	if (n)
		crawler_queue_join(urls);
	crawler_queue_close(urls);
	for (unsigned i = 0; i < n; i++)
		thrd_join(t[i], NULL);
	result->pages = pages;
	result->redirects = redirects;
	result->errors = errors;
	result->bytes = bytes;
	crawler_queue_free(urls);
	seen_free(known);
	mtx_destroy(&known_mtx);
	return n ? 0 : -1;
}
