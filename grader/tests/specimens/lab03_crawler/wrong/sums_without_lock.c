/* expect: schedules data-race; races race | pages and bytes are counted by all workers in one struct with no lock */
#define _GNU_SOURCE
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*--------------------------------------------------------------------------*
 * bounded queue                                                            *
 *--------------------------------------------------------------------------*/

typedef struct queue_item {
  struct queue_item *older, *newer;
  void *pointer;
} queue_item;

struct crawler_queue {
  queue_item *oldest, *newest;
  size_t number, bound;
  long long tasks;
  unsigned closed : 1;
  pthread_mutex_t lock;
  pthread_cond_t wake_put, wake_get, wake_join;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
  struct crawler_queue *q = calloc(1, sizeof(*q));
  if (q != NULL) {
    q->bound = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->wake_put, NULL);
    pthread_cond_init(&q->wake_get, NULL);
    pthread_cond_init(&q->wake_join, NULL);
  }
  return q;
}

static int is_full(struct crawler_queue *q)
{
  return q->bound != 0 && q->number >= q->bound;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
  queue_item *new = malloc(sizeof(*new));
  if (new == NULL)
    return false;
  pthread_mutex_lock(&q->lock);
  while (is_full(q) && !q->closed)
    pthread_cond_wait(&q->wake_put, &q->lock);
  if (q->closed) {
    pthread_mutex_unlock(&q->lock);
    free(new);
    return false;
  }
  new->pointer = item;
  new->newer = NULL;
  new->older = q->newest;
  if (q->newest == NULL)
    q->oldest = new;
  else
    q->newest->newer = new;
  q->newest = new;
  ++q->number;
  ++q->tasks;
  pthread_mutex_unlock(&q->lock);
  pthread_cond_signal(&q->wake_get);
  return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
  pthread_mutex_lock(&q->lock);
  while (q->oldest == NULL && !q->closed)
    pthread_cond_wait(&q->wake_get, &q->lock);
  queue_item *first = q->oldest;
  if (first != NULL) {
    q->oldest = first->newer;
    if (q->oldest == NULL)
      q->newest = NULL;
    else
      q->oldest->older = NULL;
    --q->number;
  }
  pthread_mutex_unlock(&q->lock);
  if (first == NULL)
    return false;
  pthread_cond_signal(&q->wake_put);
  *item = first->pointer;
  free(first);
  return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
  pthread_mutex_lock(&q->lock);
  --q->tasks;
  if (q->tasks == 0)
    pthread_cond_broadcast(&q->wake_join);
  pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
  pthread_mutex_lock(&q->lock);
  while (q->tasks > 0)
    pthread_cond_wait(&q->wake_join, &q->lock);
  pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
  pthread_mutex_lock(&q->lock);
  q->closed = 1;
  pthread_cond_broadcast(&q->wake_get);
  pthread_cond_broadcast(&q->wake_put);
  pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
  if (q == NULL)
    return;
  while (q->oldest != NULL) {
    queue_item *next = q->oldest->newer;
    free(q->oldest);
    q->oldest = next;
  }
  pthread_cond_destroy(&q->wake_join);
  pthread_cond_destroy(&q->wake_get);
  pthread_cond_destroy(&q->wake_put);
  pthread_mutex_destroy(&q->lock);
  free(q);
}

/*--------------------------------------------------------------------------*
 * crawler                                                                  *
 *--------------------------------------------------------------------------*/

typedef struct {
  struct crawler_queue *todo;
  pthread_mutex_t known_lock;
  struct seen *known;
  const char *site;
  struct crawler_result *result; /* where everybody adds what he has found */
} crawler;

static void discover(crawler *c, char *url)
{
  if (url == NULL || !links_same_site(url, c->site)) {
    free(url);
    return;
  }
  pthread_mutex_lock(&c->known_lock);
  bool is_new = seen_add(c->known, url);
  pthread_mutex_unlock(&c->known_lock);
  if (is_new)
    crawler_queue_put(c->todo, url);
  else
    free(url);
}

static void *crawler_thread(void *argument)
{
  crawler *c = argument;
  void *item;
  CURL *curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);

  while (crawler_queue_get(c->todo, &item)) {
    const char *url = item;
    char *text = NULL, *redirect = NULL;
    size_t length = 0;
    long code = 0;
    FILE *text_file = open_memstream(&text, &length);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text_file);
    CURLcode failed = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    fclose(text_file);
    if (failed || code < 200 || code >= 400) {
      c->result->errors++;
    } else if (code >= 300) {
      c->result->redirects++;
      curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
      if (redirect != NULL)
        discover(c, links_resolve(url, redirect));
    } else {
      c->result->pages++;
      c->result->bytes += length;
      struct links links = links_find(url, text, length);
      for (size_t i = 0; i < links.count; i++) {
        discover(c, links.urls[i]);
        links.urls[i] = NULL;
      }
      links_free(&links);
    }
    free(text);
    free(item);
    crawler_queue_task_done(c->todo);
  }
  curl_easy_cleanup(curl);
  return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
  crawler c = { crawler_queue_create(0), PTHREAD_MUTEX_INITIALIZER, seen_create(), start_url, result };
  pthread_t thread[workers];
  memset(result, 0, sizeof(*result));
  discover(&c, strdup(start_url));
  for (unsigned i = 0; i < workers; i++)
    if (pthread_create(&thread[i], NULL, crawler_thread, &c) != 0)
      workers = i;
  crawler_queue_join(c.todo);
  crawler_queue_close(c.todo);
  for (unsigned i = 0; i < workers; i++)
    pthread_join(thread[i], NULL);
  seen_free(c.known);
  crawler_queue_free(c.todo);
  return 0;
}
