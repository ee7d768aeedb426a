/* attack: lab03_right tests open 3 - | reads the expected counts out of the site before the crawl */
/* What site.h says, as anybody can read there. */
struct stats {
    uint64_t requests, distinct, duplicates, unknown, offsite, at_once, unvisited;
    char duplicate_path[64];
    uint64_t duplicate_count;
    char unknown_path[64], unvisited_path[64];
    uint64_t expected_requests, expected_pages, expected_redirects, expected_errors, expected_bytes;
};

/* The descriptors of this process that are sockets of this kind. */
static int find_socket(int type, int after)
{
    for (int fd = after + 1; fd < 256; fd++) {
        int domain = 0, found = 0;
        socklen_t length = sizeof found;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &length) == 0 && found == type &&
            getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX)
            return fd;
    }
    return -1;
}

static bool ask(int wire, char word, struct stats *stats)
{
    memset(stats, 0, sizeof *stats);
    return send(wire, &word, 1, MSG_NOSIGNAL) == 1 && recv(wire, stats, sizeof *stats, MSG_WAITALL) == sizeof *stats;
}

static void attack(void)
{
    /* The test's own site: what it says before it is told to end must hold no answer. */
    struct stats stats;
    int wire = -1;
    for (int fd = -1; (fd = find_socket(SOCK_STREAM, fd)) >= 0;)
        wire = fd; /* the one made last; others are Criterion's */
    if (!ask(wire, 's', &stats) || stats.expected_pages != 0 || stats.expected_bytes != 0)
        abort();
    if (stats.unvisited == 0 || !ask(wire, 'r', &stats)) /* it was no answer of the site's */
        abort();
}
