/*
 * site_server.c: the program `site`. See site.h for what it is, site_wire.h for how it is told.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "site_http.h"
#include "site_wire.h"

enum { WIRE = STDIN_FILENO };

struct server {
    struct site_spec spec;
    struct site_graph graph;
    struct site_log log;
    struct site_http http;
};

static bool receive(void *data, size_t length)
{
    return recv(WIRE, data, length, MSG_WAITALL) == (ssize_t)length;
}

static bool reply(const void *data, size_t length)
{
    return send(WIRE, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* Obeys one command; false when the site is to end. */
static bool obey(struct server *server)
{
    struct site_stats stats;
    char word;
    if (!receive(&word, 1))
        return false; /* the client has closed or died */
    if (word == SITE_RESET) {
        site_log_reset(&server->log);
        site_http_reset(&server->http);
    }
    site_log_report(&server->log, &stats);
    return reply(&stats, sizeof stats) && word != SITE_QUIT;
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

static void serve(struct server *server)
{
    int http[2];
    site_http_descriptors(&server->http, http);
    struct pollfd descriptors[] = {
        {.fd = WIRE, .events = POLLIN}, {.fd = http[0], .events = POLLIN}, {.fd = http[1], .events = POLLIN}};
    for (;;) {
        if (!wait_for_work(descriptors, 3, site_http_run(&server->http)))
            return;
        if (descriptors[0].revents != 0 && !obey(server))
            return;
    }
}

int main(void)
{
    static struct server server;
    /* The client's other descriptors (a grader's pipes among them) are not ours to keep open. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (!receive(&server.spec, sizeof server.spec) || server.spec.pages == 0) {
        fputs("site: started by the lab programs, see harness/site.h; not by hand\n", stderr);
        return 2;
    }
    site_graph_init(&server.graph, &server.spec);
    site_log_init(&server.log, &server.graph);
    if (!site_http_open(&server.http, &server.spec, &server.graph, &server.log))
        return 3;
    const struct site_hello hello = {.port = server.http.ports.own};
    if (reply(&hello, sizeof hello))
        serve(&server);
    site_http_close(&server.http);
    site_log_release(&server.log);
    site_graph_release(&server.graph);
    return 0;
}
