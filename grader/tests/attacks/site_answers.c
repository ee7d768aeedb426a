/* attack: lab03_idle tests open 0 - | the expected counts, told by a second site like the test's, in place of a crawl */
#include "site_client.h"

static void attack(void)
{
    struct site_stats stats;
    /* Another site by the same words tells all when it ends; but nobody has visited the test's. */
    const struct site_spec spec = {.seed = 1,
                              .pages = 24,
                              .slow = 1,
                              .large = 1,
                              .empty = 1,
                              .redirects = 4,
                              .missing = 2,
                              .failing = 2,
                              .broken = 2,
                              .offsite = 4,
                              .latency_us = 1000,
                              .slow_us = 60000,
                              .large_bytes = 200000};
    int ends[2];
    uint32_t port;
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    const int descriptors[] = {ends[1], listen_somewhere(), listen_somewhere()};
    for (int fd = -1; (fd = find_socket(SOCK_SEQPACKET, fd)) >= 0;)
        send_with(fd, &spec, sizeof spec, descriptors, 3);
    close(ends[1]);
    if (recv(ends[0], &port, sizeof port, MSG_WAITALL) == sizeof port && ask(ends[0], 'q', &stats)) {
        answer->pages = stats.expected_pages;
        answer->redirects = stats.expected_redirects;
        answer->errors = stats.expected_errors;
        answer->bytes = stats.expected_bytes;
    }
}
