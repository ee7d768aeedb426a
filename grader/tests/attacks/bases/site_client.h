/* For attacks on the site: how to ask it without the lab's harness, whose structures anybody can read. */
#include "site.h"

/* The descriptors of this process that are sockets of this kind. */
static inline int find_socket(int type, int after)
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

static inline bool send_with(int service, const void *data, size_t length, const int *descriptors, size_t count)
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

static inline int listen_somewhere(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bind(listener, (const struct sockaddr *)&address, sizeof address);
    listen(listener, 16);
    return listener;
}

static inline bool ask(int wire, char word, struct site_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    return send(wire, &word, 1, MSG_NOSIGNAL) == 1 && recv(wire, stats, sizeof *stats, MSG_WAITALL) == sizeof *stats;
}
