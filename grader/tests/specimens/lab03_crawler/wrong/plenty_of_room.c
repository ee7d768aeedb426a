/* expect: tests crawl_never_blocks_on_many_links | the crawl works with a queue of 10000 places, and a worker whose page has more links than that waits for room that nobody makes */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crawler.h"
#include "links.h"
#include "seen.h"

#define LOCKED(mutex)                                                                              \
	for (int once_ = (pthread_mutex_lock(mutex), 1); once_; once_ = (pthread_mutex_unlock(mutex), 0))

/* ======================================================================
 *  Queue: bags of items in a chain
 *
 *  New items go into the last bag, the oldest come out of the first. An
 *  empty bag is kept as a spare.
 * ====================================================================== */

enum { BAG = 62 };

struct bag {
	struct bag *behind;
	unsigned from, to; /* the items that are in it: [from, to) */
	void *items[BAG];
};

struct crawler_queue {
	struct bag *front, *back, *spare;
	size_t inside;      /* items in all bags */
	size_t most;        /* SIZE_MAX: as many as there is memory for */
	size_t owed;        /* calls of task_done that are still to come */
	int shut;
	pthread_mutex_t m;
	pthread_cond_t getters, putters, joiners;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
	struct crawler_queue *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	memset(q, 0, sizeof(*q));
	q->most = capacity ? capacity : (size_t)-1;
	pthread_mutex_init(&q->m, NULL);
	pthread_cond_init(&q->getters, NULL);
	pthread_cond_init(&q->putters, NULL);
	pthread_cond_init(&q->joiners, NULL);
	return q;
}

/* The bag that the next item goes into, or NULL */
static struct bag *bag_with_room(struct crawler_queue *q)
{
	struct bag *b = q->back;

	if (b && b->to < BAG)
		return b;
	b = q->spare ? q->spare : malloc(sizeof(*b));
	if (!b)
		return NULL;
	q->spare = NULL;
	b->behind = NULL;
	b->from = b->to = 0;
	if (q->back)
		q->back->behind = b;
	else
		q->front = b;
	q->back = b;
	return b;
}

static void take_off_front(struct crawler_queue *q)
{
	struct bag *empty = q->front;

	if (!(q->front = empty->behind))
		q->back = NULL;
	if (q->spare)
		free(empty);
	else
		q->spare = empty;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
	bool in = false;

	LOCKED(&q->m) {
		while (q->inside >= q->most && !q->shut)
			pthread_cond_wait(&q->putters, &q->m);
		struct bag *b = q->shut ? NULL : bag_with_room(q);
		if (b) {
			b->items[b->to++] = item;
			q->inside++;
			q->owed++;
			in = true;
			pthread_cond_signal(&q->getters);
		} else {
			pthread_cond_signal(&q->putters); /* my place is for another */
		}
	}
	return in;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
	bool out = false;

	LOCKED(&q->m) {
		while (!q->inside && !q->shut)
			pthread_cond_wait(&q->getters, &q->m);
		if (q->inside) {
			struct bag *b = q->front;
			*item = b->items[b->from++];
			if (b->from == b->to)
				take_off_front(q);
			q->inside--;
			out = true;
			pthread_cond_signal(&q->putters);
		}
	}
	return out;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
	LOCKED(&q->m) {
		q->owed--;
		if (!q->owed)
			pthread_cond_broadcast(&q->joiners);
	}
}

void crawler_queue_join(struct crawler_queue *q)
{
	LOCKED(&q->m)
		while (q->owed)
			pthread_cond_wait(&q->joiners, &q->m);
}

void crawler_queue_close(struct crawler_queue *q)
{
	LOCKED(&q->m) {
		q->shut = 1;
		pthread_cond_broadcast(&q->putters);
		pthread_cond_broadcast(&q->getters);
	}
}

void crawler_queue_free(struct crawler_queue *q)
{
	struct bag *b, *behind;

	if (!q)
		return;
	free(q->spare);
	for (b = q->front; b; b = behind) {
		behind = b->behind;
		free(b);
	}
	pthread_cond_destroy(&q->joiners);
	pthread_cond_destroy(&q->putters);
	pthread_cond_destroy(&q->getters);
	pthread_mutex_destroy(&q->m);
	free(q);
}

/* ============================ Crawler ================================= */

/* Addresses that may wait at the same time. No site has more. */
#define PLENTY 10000

struct spider_web {
	const char *home;
	struct crawler_queue *todo;
	struct seen *known;       /* only with known_mutex */
	pthread_mutex_t known_mutex;
};

/* A spider is a thread. What it has counted is added up when it is dead. */
struct spider {
	pthread_t thread;
	struct spider_web *web;
	CURL *curl;
	struct crawler_result mine;
	char *text;               /* the body of the page it is at; kept for the next page */
	size_t text_length, text_room;
};

static size_t spider_eats(char *bytes, size_t one, size_t many, void *vspider)
{
	struct spider *s = vspider;
	size_t n = one * many;

	if (n > s->text_room - s->text_length) {
		size_t room = 2 * s->text_room + n;
		char *text = realloc(s->text, room);
		if (!text)
			return 0;
		s->text = text;
		s->text_room = room;
	}
	if (n)
		memcpy(s->text + s->text_length, bytes, n);
	s->text_length += n;
	return n;
}

/* Takes the string `url` over. */
static void web_catch(struct spider_web *web, char *url)
{
	bool fresh = false;

	if (!url)
		return;
	if (links_same_site(web->home, url)) {
		LOCKED(&web->known_mutex)
			fresh = seen_add(web->known, url);
	}
	if (!fresh || !crawler_queue_put(web->todo, url))
		free(url);
}

static void spider_reads(struct spider *s, const char *url)
{
	struct links found = links_find(url, s->text_length ? s->text : NULL, s->text_length);

	for (size_t i = found.count; i-- > 0; found.urls[i] = NULL)
		web_catch(s->web, found.urls[i]);
	links_free(&found);
}

static void spider_visits(struct spider *s, const char *url)
{
	long status = 0;
	char *elsewhere = NULL;

	s->text_length = 0;
	curl_easy_setopt(s->curl, CURLOPT_URL, url);
	if (curl_easy_perform(s->curl) != CURLE_OK) {
		s->mine.errors++;
		return;
	}
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	switch (status / 100) {
	case 2:
		s->mine.pages++;
		s->mine.bytes += s->text_length;
		spider_reads(s, url);
		break;
	case 3:
		s->mine.redirects++;
		curl_easy_getinfo(s->curl, CURLINFO_REDIRECT_URL, &elsewhere);
		if (elsewhere)
			web_catch(s->web, links_resolve(url, elsewhere));
		break;
	default:
		s->mine.errors++;
	}
}

static void *spider_lives(void *vspider)
{
	struct spider *s = vspider;
	void *url;

	while (crawler_queue_get(s->web->todo, &url)) {
		spider_visits(s, url);
		free(url);
		crawler_queue_task_done(s->web->todo);
	}
	return NULL;
}

static bool spider_is_born(struct spider *s, struct spider_web *web)
{
	memset(s, 0, sizeof(*s));
	s->web = web;
	s->curl = curl_easy_init();
	if (!s->curl)
		return false;
	curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, spider_eats);
	if (pthread_create(&s->thread, NULL, spider_lives, s) == 0)
		return true;
	curl_easy_cleanup(s->curl);
	return false;
}

static void spider_is_buried(struct spider *s, struct crawler_result *sum)
{
	pthread_join(s->thread, NULL);
	curl_easy_cleanup(s->curl);
	free(s->text);
	sum->pages += s->mine.pages;
	sum->redirects += s->mine.redirects;
	sum->errors += s->mine.errors;
	sum->bytes += s->mine.bytes;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
	struct spider_web web = { .home = start_url };
	struct spider *spiders = malloc(workers * sizeof(*spiders));
	unsigned alive = 0, tried;

	memset(result, 0, sizeof(*result));
	web.todo = crawler_queue_create(PLENTY);
	web.known = seen_create();
	pthread_mutex_init(&web.known_mutex, NULL);
	if (spiders && web.todo && web.known)
		for (tried = 0; tried < workers; tried++)
			alive += spider_is_born(&spiders[alive], &web);
	if (alive) {
		web_catch(&web, strdup(start_url));
		crawler_queue_join(web.todo);
		crawler_queue_close(web.todo);
	}
	for (tried = 0; tried < alive; tried++)
		spider_is_buried(&spiders[tried], result);
	pthread_mutex_destroy(&web.known_mutex);
	seen_free(web.known);
	crawler_queue_free(web.todo);
	free(spiders);
	return alive ? 0 : -1;
}
