/* attack: lab03_right tests open 2 - | floods the site with nonsense, descriptors, sites and connections; the crawl goes on */
#include "site_client.h"

enum { ROUNDS = 3000, CONNECTIONS = 300 };

static void flood_service(int service)
{
    static char large[100000];
    struct site_spec spec = {.seed = 1, .pages = 1};
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
        spec = (struct site_spec){.seed = (uint64_t)i, .pages = UINT32_MAX, .slow = 1};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct site_spec){.pages = 2000, .width = UINT32_MAX, .gather = UINT32_MAX, .gather_ms = UINT32_MAX};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct site_spec){.pages = 3000, .width = 1000};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct site_spec){.pages = 1, .large = 2, .large_bytes = UINT32_MAX};
        send_with(service, &spec, sizeof spec, right, 3);
        spec = (struct site_spec){.pages = 1};
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
