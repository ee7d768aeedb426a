/*
 * site_server.c: the program `site`. See site.h for what it is, site_wire.h for how it is told.
 *
 *     take in    a message on the service socket becomes a site, or is dropped
 *     serve      one loop for all sites; a command of a client is obeyed at once, nothing is ever waited for but in
 * poll let go     a site when its client says so, breaks the rules, or is gone; the program when the last client is
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "site_filter.h"
#include "site_http.h"
#include "site_wire.h"

enum { SERVICE = STDIN_FILENO, POLLED = 3 /* descriptors a site */ };

struct served {
    struct site_spec spec;
    struct site_graph graph;
    struct site_log log;
    struct site_http http;
    int wire;
};

static struct served *sites[SITE_SITES_MAX];
static size_t sites_count;

/* --- taking in --- */

static uint64_t addresses(const struct site_spec *spec)
{
    return (uint64_t)spec->pages + spec->slow + spec->large + spec->empty + spec->redirects + spec->missing +
           spec->failing + spec->broken;
}

/* How many links its layers and the start page have; it has a page. */
static uint64_t links(const struct site_spec *spec)
{
    const uint64_t linked = spec->pages - 1, width = spec->width;
    return spec->repeats + (linked > width ? width + (linked - width) * width : linked);
}

static bool is_sound(const struct site_spec *spec)
{
    return spec->pages > 0 && addresses(spec) <= SITE_ADDRESSES_MAX && spec->offsite <= SITE_ADDRESSES_MAX &&
           links(spec) <= SITE_LINKS_MAX &&
           (uint64_t)spec->large * spec->large_bytes + spec->start_bytes <= SITE_LARGE_BYTES_MAX &&
           (uint64_t)spec->latency_us + spec->slow_us <= SITE_WAIT_US_MAX &&
           spec->start_latency_us <= SITE_WAIT_US_MAX && spec->gather_ms <= SITE_WAIT_US_MAX / 1000;
}

static bool has_option(int socket, int option, int value)
{
    int found = -1;
    socklen_t length = sizeof found;
    return getsockopt(socket, SOL_SOCKET, option, &found, &length) == 0 && found == value;
}

static bool is_wire(int socket)
{
    return has_option(socket, SO_DOMAIN, AF_UNIX) && has_option(socket, SO_TYPE, SOCK_STREAM) &&
           has_option(socket, SO_ACCEPTCONN, 0);
}

static bool is_listener(int socket)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    return has_option(socket, SO_DOMAIN, AF_INET) && has_option(socket, SO_TYPE, SOCK_STREAM) &&
           has_option(socket, SO_ACCEPTCONN, 1) && getsockname(socket, (struct sockaddr *)&address, &length) == 0 &&
           address.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && fcntl(socket, F_SETFL, O_NONBLOCK) == 0;
}

static bool are_sound(const int descriptors[SITE_DESCRIPTORS])
{
    return is_wire(descriptors[SITE_WIRE]) && is_listener(descriptors[SITE_LISTENER]) &&
           is_listener(descriptors[SITE_STRANGER]);
}

static bool reply(int wire, const void *data, size_t length)
{
    return send(wire, data, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void let_go(size_t index)
{
    struct served *served = sites[index];
    site_http_close(&served->http);
    site_log_release(&served->log);
    site_graph_release(&served->graph);
    close(served->wire);
    free(served);
    sites[index] = sites[--sites_count];
}

static void close_all(const int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(descriptors[i]);
}

/* Takes the descriptors over. */
static void add_site(const struct site_spec *spec, const int descriptors[SITE_DESCRIPTORS])
{
    if (!is_sound(spec) || sites_count == SITE_SITES_MAX || !are_sound(descriptors)) {
        close_all(descriptors, SITE_DESCRIPTORS);
        return;
    }
    struct served *served = site_alloc(1, sizeof *served);
    served->spec = *spec;
    served->wire = descriptors[SITE_WIRE];
    site_graph_init(&served->graph, &served->spec);
    site_log_init(&served->log, &served->graph);
    if (!site_http_open(&served->http, &served->spec, &served->graph, &served->log, descriptors[SITE_LISTENER],
                        descriptors[SITE_STRANGER])) {
        site_log_release(&served->log);
        site_graph_release(&served->graph);
        close(served->wire);
        free(served);
        return;
    }
    sites[sites_count++] = served;
    const struct site_hello hello = {.port = served->http.ports.own};
    if (!reply(served->wire, &hello, sizeof hello))
        let_go(sites_count - 1);
}

/* The descriptors of a message, at most `most`; returns how many. */
static size_t descriptors_of(struct msghdr *header, int *descriptors, size_t most)
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t found = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < found && count < most; i++)
            memcpy(&descriptors[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    return count;
}

/* Hears one message; false when there is none and nobody can send one any more (`hung_up`). */
static bool take_in(bool hung_up)
{
    struct {
        struct site_spec spec;
        char more; /* too long a message is none */
    } said;
    int descriptors[SITE_DESCRIPTORS + 1];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof descriptors)];
    struct iovec part = {.iov_base = &said, .iov_len = sizeof said};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const ssize_t size = recvmsg(SERVICE, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR || errno == EMFILE || errno == ENFILE;
    const size_t count = descriptors_of(&header, descriptors, SITE_DESCRIPTORS + 1);
    if (size == (ssize_t)sizeof said.spec && count == SITE_DESCRIPTORS && (header.msg_flags & MSG_CTRUNC) == 0)
        add_site(&said.spec, descriptors);
    else
        close_all(descriptors, count);
    return size > 0 || !hung_up;
}

/* --- serving --- */

/* Obeys one command; false when the site is to end. */
static bool obey(struct served *served)
{
    struct site_stats stats;
    char word;
    const ssize_t size = recv(served->wire, &word, 1, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (size != 1 || (word != SITE_STATS && word != SITE_RESET && word != SITE_QUIT))
        return false; /* the client has closed or died, or talks nonsense */
    if (word == SITE_RESET) {
        site_log_reset(&served->log);
        site_http_reset(&served->http);
    }
    site_log_report(&served->log, &stats);
    if (word == SITE_QUIT)
        site_graph_expect(&served->graph, &stats);
    return reply(served->wire, &stats, sizeof stats) && word != SITE_QUIT;
}

/* Sleeps until a descriptor is readable or `seconds` have passed (negative: for ever). */
static bool wait_for_work(struct pollfd *descriptors, nfds_t count, double seconds)
{
    struct timespec timeout = {0};
    if (seconds > 0) {
        timeout.tv_sec = (time_t)seconds;
        timeout.tv_nsec = (long)((seconds - (double)timeout.tv_sec) * 1e9);
    }
    const int ready = ppoll(descriptors, count, seconds < 0 ? NULL : &timeout, NULL);
    return ready >= 0 || errno == EINTR;
}

/* Lets each site do what it can, and fills what is to be waited for; returns for how many seconds at most. */
static double run_sites(struct pollfd *descriptors)
{
    double wait = -1.0;
    for (size_t i = 0; i < sites_count; i++) {
        int http[2];
        const double seconds = site_http_run(&sites[i]->http);
        if (seconds >= 0 && (wait < 0 || seconds < wait))
            wait = seconds;
        site_http_descriptors(&sites[i]->http, http);
        descriptors[POLLED * i] = (struct pollfd){.fd = sites[i]->wire, .events = POLLIN};
        descriptors[POLLED * i + 1] = (struct pollfd){.fd = http[0], .events = POLLIN};
        descriptors[POLLED * i + 2] = (struct pollfd){.fd = http[1], .events = POLLIN};
    }
    return wait;
}

/* Until no site is left and none can be asked for. */
static void serve(void)
{
    bool open = true;
    while (open || sites_count > 0) {
        struct pollfd descriptors[POLLED * SITE_SITES_MAX + 1] = {0};
        const double wait = run_sites(descriptors);
        const size_t polled = POLLED * sites_count;
        descriptors[polled] = (struct pollfd){.fd = open ? SERVICE : -1, .events = POLLIN};
        if (!wait_for_work(descriptors, polled + 1, wait))
            return;
        for (size_t i = sites_count; i-- > 0;) /* downwards: the last one takes the place of one let go */
            if (descriptors[POLLED * i].revents != 0 && !obey(sites[i]))
                let_go(i);
        if (descriptors[polled].revents != 0)
            open = take_in((descriptors[polled].revents & POLLHUP) != 0);
    }
}

int main(void)
{
    /* The client's other descriptors (a grader's pipes among them) are not ours to keep open. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (!has_option(SERVICE, SO_TYPE, SOCK_SEQPACKET)) {
        fputs("site: is started by the grader and the lab programs, see harness/site.h; not by hand\n", stderr);
        return 2;
    }
    if (!site_filter_install())
        return 3;
    serve();
    while (sites_count > 0)
        let_go(sites_count - 1);
    return 0;
}
