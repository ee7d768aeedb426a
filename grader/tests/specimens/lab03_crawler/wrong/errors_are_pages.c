/* expect: tests crawl_counts_errors; schedules assertion | every answer with a status is a page */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>
#include <stdint.h>

struct crawler_queue {
  pthread_mutex_t door;
  pthread_cond_t bell;           // rung whenever something changes
  void **box; size_t len, max;   // box[0] is next
  size_t limit;
  int working;                   // put but not done
  bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity) {
  struct crawler_queue *q = calloc(1, sizeof *q);
  if (!q) return NULL;
  q->limit = capacity ? capacity : SIZE_MAX;
  pthread_mutex_init(&q->door, NULL);
  pthread_cond_init(&q->bell, NULL);
  return q;
}

static void enter(struct crawler_queue *q) { pthread_mutex_lock(&q->door); }
static void leave(struct crawler_queue *q) { pthread_mutex_unlock(&q->door); }
static void nap(struct crawler_queue *q) { pthread_cond_wait(&q->bell, &q->door); }
static void ring(struct crawler_queue *q) { pthread_cond_broadcast(&q->bell); }

bool crawler_queue_put(struct crawler_queue *q, void *item) {
  enter(q);
  while (q->len >= q->limit && !q->closed) nap(q);
  if (q->closed) return leave(q), false;
  if (q->len == q->max) {
    void **bigger = realloc(q->box, sizeof *bigger * (q->max + 512));
    if (!bigger) return leave(q), false;
    q->box = bigger;
    q->max += 512;
  }
  q->box[q->len++] = item;
  q->working++;
  ring(q);
  return leave(q), true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item) {
  enter(q);
  while (!q->len && !q->closed) nap(q);
  if (!q->len) return leave(q), false;
  *item = *q->box;
  for (size_t i = 1; i < q->len; i++) q->box[i - 1] = q->box[i];
  q->len--;
  ring(q);
  return leave(q), true;
}

void crawler_queue_task_done(struct crawler_queue *q) { enter(q); q->working--; ring(q); leave(q); }
void crawler_queue_join(struct crawler_queue *q) { enter(q); while (q->working) nap(q); leave(q); }
void crawler_queue_close(struct crawler_queue *q) { enter(q); q->closed = true; ring(q); leave(q); }

void crawler_queue_free(struct crawler_queue *q) {
  if (!q) return;
  pthread_cond_destroy(&q->bell);
  pthread_mutex_destroy(&q->door);
  free(q->box);
  free(q);
}

// crawler. Everything shared is in here, and `m` locks everything.
static struct {
  pthread_mutex_t m;
  struct crawler_queue *q;
  struct seen *seen;
  struct crawler_result res;
  const char *url0;
} G = {.m = PTHREAD_MUTEX_INITIALIZER};

struct str { char *p; size_t n; };

static size_t cat(char *p, size_t s, size_t n, void *v) {
  struct str *str = v;
  char *q = realloc(str->p, str->n + s * n);
  if (!q) return 0;
  memcpy(q + str->n, p, s * n);
  str->p = q;
  str->n += s * n;
  return s * n;
}

static void seen_or_put(const char *url) {
  pthread_mutex_lock(&G.m);
  bool put = links_same_site(G.url0, url) && seen_add(G.seen, url);
  pthread_mutex_unlock(&G.m);
  if (put) crawler_queue_put(G.q, strdup(url));
}

static void *bot(void *none) {
  CURL *curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, cat);
  void *url;
  while (crawler_queue_get(G.q, &url)) {
    struct str html = {0};
    long code = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &html);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    bool redirect = code >= 300 && code < 400;
    bool page = rc == CURLE_OK && !redirect;  // anything that came through
    if (page) {
      struct links l = links_find(url, html.p, html.n);
      for (size_t i = 0; i < l.count; i++) seen_or_put(l.urls[i]);
      links_free(&l);
    } else if (redirect) {
      char *to = NULL;
      curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
      if (to && (to = links_resolve(url, to))) seen_or_put(to), free(to);
    }
    pthread_mutex_lock(&G.m);
    if (page) {
      G.res.pages++;
      G.res.bytes += html.n;
    } else if (redirect) {
      G.res.redirects++;
    } else {
      G.res.errors++;
    }
    pthread_mutex_unlock(&G.m);
    free(html.p);
    free(url);
    crawler_queue_task_done(G.q);
  }
  curl_easy_cleanup(curl);
  return none;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result) {
  pthread_t bots[workers];
  G.q = crawler_queue_create(0);
  G.seen = seen_create();
  G.url0 = start_url;
  G.res = (struct crawler_result){0};
  seen_or_put(start_url);
  for (unsigned i = 0; i < workers; i++) pthread_create(&bots[i], NULL, bot, NULL);
  crawler_queue_join(G.q);
  crawler_queue_close(G.q);
  for (unsigned i = 0; i < workers; i++) pthread_join(bots[i], NULL);
  crawler_queue_free(G.q);
  seen_free(G.seen);
  *result = G.res;
  return 0;
}
