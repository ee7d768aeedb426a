/* attack: lab03_right tests open 3 - | floods the site with nonsense, descriptors, sites and connections; the crawl goes on */
/* What site_wire.h says, as anybody can read there. */
struct spec {
    uint64_t seed;
    uint32_t pages, width, slow, large, empty, redirects, missing, failing, broken, offsite, latency_us,
        start_latency_us, slow_us, large_bytes, gather, gather_ms;
};

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

static bool send_with(int service, const void *data, size_t length, const int *descriptors, size_t count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {0};
    struct iovec part = {.iov_base = (void *)data, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(rights), descriptors, count * sizeof(int));
    }
    return sendmsg(service, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static int listen_somewhere(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bind(listener, (const struct sockaddr *)&address, sizeof address);
    listen(listener, 16);
    return listener;
}

enum { ROUNDS = 3000, CONNECTIONS = 300 };

static void flood_service(int service)
{
    static char large[100000];
    struct spec spec = {.seed = 1, .pages = 1};
    int ends[2], pipes[2], many[40];
    if (pipe(pipes) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return;
    for (int i = 0; i < 40; i++)
        many[i] = open("/dev/zero", O_RDWR);
    const int listener = listen_somewhere(), wrong[] = {pipes[0], listener, listener},
              right[] = {ends[1], listener, listen_somewhere()}, unix_listener[] = {ends[1], ends[0], ends[0]};
    for (int i = 0; i < ROUNDS; i++) {
        send_with(service, "", 0, NULL, 0);
        send_with(service, large, sizeof large, NULL, 0);
        send_with(service, &spec, sizeof spec, NULL, 0);
        send_with(service, &spec, sizeof spec - 1, right, 3);
        send_with(service, &spec, sizeof spec, many, 40);
        send_with(service, &spec, sizeof spec, wrong, 3);
        send_with(service, &spec, sizeof spec, unix_listener, 3);
        send_with(service, &spec, sizeof spec, &service, 1);
        spec = (struct spec){.seed = (uint64_t)i, .pages = UINT32_MAX, .slow = 1};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct spec){.pages = 2000, .width = UINT32_MAX, .gather = UINT32_MAX, .gather_ms = UINT32_MAX};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct spec){.pages = 1, .large = 2, .large_bytes = UINT32_MAX};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct spec){.pages = 1};
        send_with(service, &spec, sizeof spec, right, 3); /* a site that is never let go of */
    }
    for (int i = 0; i < 40; i++)
        close(many[i]);
}

/* Connections that say half of what they want, and wait. */
static void flood_site(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strrchr(start, ':') + 1));
    for (int i = 0; i < CONNECTIONS; i++) {
        const int connection = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(connection, (const struct sockaddr *)&address, sizeof address) == 0)
            send(connection, "\r\n\0GET /../\xff HTTP/9.9\r\nHo", 23, MSG_NOSIGNAL);
    }
}

static void attack(void)
{
    for (int fd = -1; (fd = find_socket(SOCK_SEQPACKET, fd)) >= 0;)
        flood_service(fd);
    flood_site();
}
