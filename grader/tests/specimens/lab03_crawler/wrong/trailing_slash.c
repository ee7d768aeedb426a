/* expect: schedules crawl_takes_what_comes | the set of addresses leaves out a slash at the end, so /a and /a/ are the same for it and only one of them is visited */
#define _DEFAULT_SOURCE
#include "crawler.h"
#include "links.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Queue: an array whose items lie in a straight line. When the line reaches the
// end of the array it is pushed back to the start, or moves to a longer array.
// ---------------------------------------------------------------------------

struct crawler_queue {
  pthread_mutex_t guard;
  pthread_cond_t changed;   // for put and get; everything that happens here is told to all
  pthread_cond_t all_over;  // for join
  void **line;
  size_t line_length;
  size_t head, tail;  // items are at head .. tail-1
  size_t bound;       // 0 is none
  size_t pending;     // put and not yet done
  bool open;
};

struct crawler_queue *crawler_queue_create(size_t capacity) {
  struct crawler_queue *queue = calloc(1, sizeof(struct crawler_queue));
  if (queue != NULL) {
    pthread_mutex_init(&queue->guard, NULL);
    pthread_cond_init(&queue->changed, NULL);
    pthread_cond_init(&queue->all_over, NULL);
    queue->bound = capacity;
    queue->open = true;
  }
  return queue;
}

void crawler_queue_free(struct crawler_queue *queue) {
  if (queue == NULL) return;
  free(queue->line);
  pthread_cond_destroy(&queue->all_over);
  pthread_cond_destroy(&queue->changed);
  pthread_mutex_destroy(&queue->guard);
  free(queue);
}

// Sees to it that there is a free place at tail.
static bool make_place(struct crawler_queue *queue) {
  const size_t length = queue->tail - queue->head;
  if (queue->tail < queue->line_length) return true;
  if (length >= queue->line_length / 2) {
    const size_t longer = queue->line_length * 2 + 16;
    void **line = realloc(queue->line, longer * sizeof(void *));
    if (line == NULL) return false;
    queue->line = line;
    queue->line_length = longer;
  }
  if (queue->head > 0) memmove(queue->line, queue->line + queue->head, length * sizeof(void *));
  queue->head = 0;
  queue->tail = length;
  return true;
}

static bool is_full(const struct crawler_queue *queue) {
  return queue->bound > 0 && queue->tail - queue->head == queue->bound;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item) {
  pthread_mutex_lock(&queue->guard);
  while (queue->open && is_full(queue)) pthread_cond_wait(&queue->changed, &queue->guard);
  const bool accepted = queue->open && make_place(queue);
  if (accepted) {
    queue->line[queue->tail++] = item;
    ++queue->pending;
    pthread_cond_broadcast(&queue->changed);
  }
  pthread_mutex_unlock(&queue->guard);
  return accepted;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item) {
  pthread_mutex_lock(&queue->guard);
  while (queue->open && queue->head == queue->tail) pthread_cond_wait(&queue->changed, &queue->guard);
  const bool any = queue->head < queue->tail;
  if (any) {
    *item = queue->line[queue->head++];
    if (queue->bound > 0) pthread_cond_broadcast(&queue->changed);
  }
  pthread_mutex_unlock(&queue->guard);
  return any;
}

void crawler_queue_close(struct crawler_queue *queue) {
  pthread_mutex_lock(&queue->guard);
  queue->open = false;
  pthread_cond_broadcast(&queue->changed);
  pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_task_done(struct crawler_queue *queue) {
  pthread_mutex_lock(&queue->guard);
  if (--queue->pending == 0) pthread_cond_broadcast(&queue->all_over);
  pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_join(struct crawler_queue *queue) {
  pthread_mutex_lock(&queue->guard);
  while (queue->pending != 0) pthread_cond_wait(&queue->all_over, &queue->guard);
  pthread_mutex_unlock(&queue->guard);
}

// ---------------------------------------------------------------------------
// Atlas: which addresses are known? A treap: sorted by address from left to
// right, by a number made of the address from top to bottom. Nobody takes a
// place out again before the end.
// ---------------------------------------------------------------------------

struct place {
  struct place *left, *right;
  uint64_t weight;
  size_t length;
  char name[];
};

// A page is the same with and without a slash at its end.
static size_t significant(const char *url) {
  size_t length = strlen(url);
  while (length > 0 && url[length - 1] == '/') --length;
  return length;
}

static int compare(const char *name, size_t length, const struct place *place) {
  const size_t common = length < place->length ? length : place->length;
  const int order = memcmp(name, place->name, common);
  if (order != 0) return order;
  return (length > place->length) - (length < place->length);
}

static uint64_t weigh(const char *name, size_t length) {
  uint64_t weight = 88172645463325252u;
  for (size_t i = 0; i < length; ++i) {
    weight ^= (unsigned char)name[i];
    weight ^= weight << 13;
    weight ^= weight >> 7;
    weight ^= weight << 17;
  }
  return weight;
}

static struct place *new_place(const char *name, size_t length) {
  struct place *place = malloc(sizeof(struct place) + length);
  if (place == NULL) return NULL;
  place->left = place->right = NULL;
  place->weight = weigh(name, length);
  place->length = length;
  memcpy(place->name, name, length);
  return place;
}

// Cuts the tree under `top` in two: what is before `middle`, and what is after it.
static void cut(struct place *top, const struct place *middle, struct place **before, struct place **after) {
  while (top != NULL) {
    if (compare(middle->name, middle->length, top) > 0) {
      *before = top;
      before = &top->right;
      top = top->right;
    } else {
      *after = top;
      after = &top->left;
      top = top->left;
    }
  }
  *before = *after = NULL;
}

// True if the address is new; it is not any more then.
static bool atlas_enter(struct place **root, const char *url) {
  const size_t length = significant(url);
  for (const struct place *at = *root; at != NULL;) {
    const int order = compare(url, length, at);
    if (order == 0) return false;
    at = order < 0 ? at->left : at->right;
  }
  struct place *place = new_place(url, length), **at = root;
  if (place == NULL) return false;
  while (*at != NULL && (*at)->weight >= place->weight)
    at = compare(url, length, *at) < 0 ? &(*at)->left : &(*at)->right;
  cut(*at, place, &place->left, &place->right);
  *at = place;
  return true;
}

static void atlas_burn(struct place *top) {
  while (top != NULL) {
    struct place *right = top->right;
    atlas_burn(top->left);
    free(top);
    top = right;
  }
}

// ---------------------------------------------------------------------------
// Crawler
// ---------------------------------------------------------------------------

struct tour {
  struct crawler_queue *stops;
  const char *origin;
  pthread_mutex_t office;  // for all below
  struct place *atlas;
  struct crawler_result report;
};

struct parcel {
  char *data;
  size_t weight;
};

static size_t deliver(char *piece, size_t size, size_t nmemb, void *to) {
  struct parcel *parcel = to;
  char *data = realloc(parcel->data, parcel->weight + size * nmemb + 1);
  if (data == NULL) return 0;
  memcpy(data + parcel->weight, piece, size * nmemb);
  parcel->data = data;
  parcel->weight += size * nmemb;
  return size * nmemb;
}

static void plan_stop(struct tour *tour, const char *url) {
  if (!links_same_site(url, tour->origin)) return;
  pthread_mutex_lock(&tour->office);
  const bool is_new = atlas_enter(&tour->atlas, url);
  pthread_mutex_unlock(&tour->office);
  if (!is_new) return;
  char *stop = strdup(url);
  if (stop != NULL && !crawler_queue_put(tour->stops, stop)) free(stop);
}

static void travel(struct tour *tour, CURL *vehicle, const char *url) {
  struct parcel parcel = {NULL, 0};
  struct crawler_result here = {0, 0, 0, 0};
  long code = 0;
  char *next = NULL;

  curl_easy_setopt(vehicle, CURLOPT_URL, url);
  curl_easy_setopt(vehicle, CURLOPT_WRITEDATA, &parcel);
  const CURLcode outcome = curl_easy_perform(vehicle);
  curl_easy_getinfo(vehicle, CURLINFO_RESPONSE_CODE, &code);
  curl_easy_getinfo(vehicle, CURLINFO_REDIRECT_URL, &next);

  if (outcome == CURLE_OK && code >= 200 && code < 300) {
    here.pages = 1;
    here.bytes = parcel.weight;
    struct links links = links_find(url, parcel.data, parcel.weight);
    for (char **link = links.urls; link < links.urls + links.count; ++link) plan_stop(tour, *link);
    links_free(&links);
  } else if (outcome == CURLE_OK && code >= 300 && code < 400) {
    here.redirects = 1;
    char *target = next == NULL ? NULL : links_resolve(url, next);
    if (target != NULL) plan_stop(tour, target);
    free(target);
  } else {
    here.errors = 1;
  }
  free(parcel.data);

  pthread_mutex_lock(&tour->office);
  tour->report.pages += here.pages;
  tour->report.bytes += here.bytes;
  tour->report.redirects += here.redirects;
  tour->report.errors += here.errors;
  pthread_mutex_unlock(&tour->office);
}

static void *traveller(void *argument) {
  struct tour *tour = argument;
  CURL *vehicle = curl_easy_init();
  void *stop = NULL;
  curl_easy_setopt(vehicle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(vehicle, CURLOPT_WRITEFUNCTION, deliver);
  while (crawler_queue_get(tour->stops, &stop)) {
    travel(tour, vehicle, stop);
    free(stop);
    crawler_queue_task_done(tour->stops);
  }
  curl_easy_cleanup(vehicle);
  return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result) {
  struct tour tour = {.origin = start_url, .stops = crawler_queue_create(0)};
  pthread_t *travellers = calloc(workers, sizeof(pthread_t));
  unsigned count = 0;

  if (tour.stops == NULL || travellers == NULL) {
    crawler_queue_free(tour.stops);
    free(travellers);
    return -1;
  }
  pthread_mutex_init(&tour.office, NULL);
  plan_stop(&tour, start_url);
  while (count < workers && pthread_create(travellers + count, NULL, traveller, &tour) == 0) ++count;
  if (count == 0) {
    void *stop;
    crawler_queue_close(tour.stops);
    while (crawler_queue_get(tour.stops, &stop)) free(stop);
  } else {
    crawler_queue_join(tour.stops);
    crawler_queue_close(tour.stops);
  }
  for (unsigned i = 0; i < count; ++i) pthread_join(travellers[i], NULL);

  pthread_mutex_destroy(&tour.office);
  crawler_queue_free(tour.stops);
  atlas_burn(tour.atlas);
  free(travellers);
  *result = tour.report;
  return count > 0 ? 0 : -1;
}
