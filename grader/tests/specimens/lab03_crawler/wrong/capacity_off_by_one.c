/* expect: tests put_blocks_when_full; schedules assertion | lets one item too many in */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>
#include "crawler.h"
#include "links.h"
#include "seen.h"

/*
 * Ring with one slot more than the capacity, so that "full" and "empty" can be told apart: empty is
 * read == write, full is write + 1 == read.
 * Without a bound the ring is made larger instead of waiting.
 */
struct crawler_queue
{
	void **ring;
	int ring_size, read, write;
	int bounded;
	int closed;
	int not_done;
	pthread_mutex_t mutex;
	pthread_cond_t cond_room;
	pthread_cond_t cond_item;
	pthread_cond_t cond_done;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
	struct crawler_queue *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return NULL;
	q->bounded = capacity != 0;
	q->ring_size = (q->bounded ? (int)capacity : 30) + 2;	/* one slot more, see above */
	if ((q->ring = calloc(q->ring_size, sizeof(void *))) == NULL) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->mutex, NULL);
	pthread_cond_init(&q->cond_room, NULL);
	pthread_cond_init(&q->cond_item, NULL);
	pthread_cond_init(&q->cond_done, NULL);
	return q;
}

static int next(const struct crawler_queue *q, int i)
{
	return i + 1 == q->ring_size ? 0 : i + 1;
}

static int enlarge(struct crawler_queue *q)
{
	int size = 3 * q->ring_size, n = 0;
	void **ring = calloc(size, sizeof(void *));

	if (ring == NULL)
		return ENOMEM;
	for (int i = q->read; i != q->write; i = next(q, i))
		ring[n++] = q->ring[i];
	free(q->ring);
	q->ring = ring;
	q->ring_size = size;
	q->read = 0;
	q->write = n;
	return 0;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
	int error = 0;

	pthread_mutex_lock(&q->mutex);
	while (q->bounded && !q->closed && next(q, q->write) == q->read)
		pthread_cond_wait(&q->cond_room, &q->mutex);
	if (q->closed)
		error = EPIPE;
	else if (next(q, q->write) == q->read)
		error = enlarge(q);
	if (error == 0) {
		q->ring[q->write] = item;
		q->write = next(q, q->write);
		q->not_done++;
		pthread_cond_signal(&q->cond_item);
	}
	pthread_mutex_unlock(&q->mutex);
	return error == 0;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
	pthread_mutex_lock(&q->mutex);
	while (q->read == q->write && !q->closed)
		pthread_cond_wait(&q->cond_item, &q->mutex);
	const bool any = q->read != q->write;
	if (any) {
		*item = q->ring[q->read];
		q->read = next(q, q->read);
		pthread_cond_signal(&q->cond_room);
	}
	pthread_mutex_unlock(&q->mutex);
	return any;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
	pthread_mutex_lock(&q->mutex);
	q->not_done--;
	pthread_mutex_unlock(&q->mutex);
	pthread_cond_broadcast(&q->cond_done);
}

void crawler_queue_join(struct crawler_queue *q)
{
	pthread_mutex_lock(&q->mutex);
	while (q->not_done > 0)
		pthread_cond_wait(&q->cond_done, &q->mutex);
	pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
	pthread_mutex_lock(&q->mutex);
	q->closed = 1;
	pthread_cond_broadcast(&q->cond_room);
	pthread_cond_broadcast(&q->cond_item);
	pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
	if (q == NULL)
		return;
	pthread_cond_destroy(&q->cond_room);
	pthread_cond_destroy(&q->cond_item);
	pthread_cond_destroy(&q->cond_done);
	pthread_mutex_destroy(&q->mutex);
	free(q->ring);
	free(q);
}

/* The main thread starts the workers, and works itself only when there is nobody else. */

struct shared
{
	struct crawler_queue *queue;
	char *start;
	struct seen *seen;
	pthread_mutex_t seen_mutex;
};

struct worker
{
	pthread_t id;
	struct shared *shared;
	CURL *curl;
	struct crawler_result result;
	char *page;
	size_t page_length;
};

static size_t page_arrives(char *data, size_t size, size_t nmemb, void *w_)
{
	struct worker *w = w_;
	char *page = realloc(w->page, w->page_length + size * nmemb);

	if (page == NULL)
		return 0;
	memcpy(page + w->page_length, data, size * nmemb);
	w->page = page;
	w->page_length += size * nmemb;
	return size * nmemb;
}

static void offer(struct shared *s, const char *url)
{
	pthread_mutex_lock(&s->seen_mutex);
	const int is_new = links_same_site(s->start, url) && seen_add(s->seen, url);
	pthread_mutex_unlock(&s->seen_mutex);
	if (is_new)
		crawler_queue_put(s->queue, strdup(url));
}

static void offer_all(struct worker *w, const char *url)
{
	struct links links = links_find(url, w->page, w->page_length);

	for (size_t i = 0; i < links.count; i++)
		offer(w->shared, links.urls[i]);
	links_free(&links);
}

static void *work(void *w_)
{
	struct worker *w = w_;
	void *url;

	while (crawler_queue_get(w->shared->queue, &url)) {
		long status = 0;
		char *target = NULL;

		curl_easy_setopt(w->curl, CURLOPT_URL, url);
		const CURLcode code = curl_easy_perform(w->curl);
		curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
		if (code != CURLE_OK || status < 200 || status > 399) {
			w->result.errors++;
		} else if (status < 300) {
			w->result.pages++;
			w->result.bytes += w->page_length;
			offer_all(w, url);
		} else {
			w->result.redirects++;
			curl_easy_getinfo(w->curl, CURLINFO_REDIRECT_URL, &target);
			target = target != NULL ? links_resolve(url, target) : NULL;
			if (target != NULL)
				offer(w->shared, target);
			free(target);
		}
		free(w->page);
		w->page = NULL;
		w->page_length = 0;
		free(url);
		crawler_queue_task_done(w->shared->queue);
	}
	return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
	struct worker *w = calloc(workers, sizeof(*w));
	struct shared s = { crawler_queue_create(0), strdup(start_url), seen_create(), PTHREAD_MUTEX_INITIALIZER };
	unsigned i;

	memset(result, 0, sizeof(*result));
	offer(&s, start_url);
	for (i = 0; i < workers; i++) {
		w[i].shared = &s;
		w[i].curl = curl_easy_init();
		curl_easy_setopt(w[i].curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(w[i].curl, CURLOPT_WRITEFUNCTION, page_arrives);
		curl_easy_setopt(w[i].curl, CURLOPT_WRITEDATA, &w[i]);
		if (pthread_create(&w[i].id, NULL, work, &w[i]) != 0)
			abort();
	}
	crawler_queue_join(s.queue);
	crawler_queue_close(s.queue);
	for (i = 0; i < workers; i++) {
		pthread_join(w[i].id, NULL);
		curl_easy_cleanup(w[i].curl);
		result->pages += w[i].result.pages;
		result->redirects += w[i].result.redirects;
		result->errors += w[i].result.errors;
		result->bytes += w[i].result.bytes;
	}
	crawler_queue_free(s.queue);
	seen_free(s.seen);
	free(s.start);
	free(w);
	return 0;
}
