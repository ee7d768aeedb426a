/* base: lab03 crawl_counts_a_mixed_site */
/* A right hand-in for lab03, the reference solution, that calls attack() before each crawl. */
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

static int solution_crawl(const char *start_url, unsigned workers, struct crawler_result *result);
#define crawler_crawl solution_crawl
@SOLUTION@
#undef crawler_crawl

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    start = start_url;
    answer = result;
    attack();
    return solution_crawl(start_url, workers, result);
}
