/* attack: lab03_right tests open 2 - | reads the expected counts out of the site before the crawl */
#include "site_client.h"

static void attack(void)
{
    /* The test's own site: what it says before it is told to end must hold no answer. */
    struct site_stats stats;
    int wire = -1;
    for (int fd = -1; (fd = find_socket(SOCK_STREAM, fd)) >= 0;)
        wire = fd; /* the one made last; others are Criterion's */
    if (!ask(wire, 's', &stats) || stats.expected_pages != 0 || stats.expected_bytes != 0)
        abort();
    if (stats.unvisited == 0 || !ask(wire, 'r', &stats)) /* it was no answer of the site's */
        abort();
}
