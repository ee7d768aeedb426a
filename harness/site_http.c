#include "site_http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timing.h"

enum { CONNECTIONS = 1000, BROKEN_SENT = 1000 };

struct site_request {
    struct MHD_Connection *connection;
    uint32_t node; /* SITE_NO_NODE: not one of the site's addresses */
    bool held;     /* until enough requests are gathered */
    bool done;     /* its wait is over */
    double due;    /* when to answer, if not held */
    struct site_request *next;
};

static const struct site_node *node_of(const struct site_http *http, const struct site_request *request)
{
    return request->node != SITE_NO_NODE ? &http->graph->nodes[request->node] : NULL;
}

static double latency_of(const struct site_http *http, const struct site_request *request)
{
    const struct site_node *node = node_of(http, request);
    return node != NULL ? node->latency_us / 1e6 : 0.0;
}

static struct site_request *receive(struct site_http *http, struct MHD_Connection *connection, const char *path)
{
    struct site_request *request = site_alloc(1, sizeof *request);
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    request->connection = connection;
    request->node = site_graph_find(http->graph, path);
    request->held = request->node != 0 && http->spec->gather > 0 && !http->gathered;
    request->due = timing_now() + latency_of(http, request);
    if (request->held && http->gather_ends <= 0)
        http->gather_ends = timing_now() + http->spec->gather_ms / 1e3;
    site_log_begin(http->log, request->node, path);
    if (host == NULL || strcmp(host, http->host) != 0)
        http->log->offsite++;
    return request;
}

/* Gives the first bytes of a broken page, then breaks the connection. It must not break before the first
 * byte of the answer: libcurl would ask again on a new connection. */
static ssize_t read_broken(void *body, uint64_t position, char *out, size_t most)
{
    if (position >= BROKEN_SENT)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    const size_t left = BROKEN_SENT - (size_t)position, length = most < left ? most : left;
    memcpy(out, (const char *)body + position, length);
    return (ssize_t)length;
}

static unsigned status_of(enum site_kind kind, uint32_t index)
{
    switch (kind) {
    case SITE_PAGE:
    case SITE_SLOW:
    case SITE_LARGE:
    case SITE_EMPTY:
    case SITE_BROKEN:
        return MHD_HTTP_OK;
    case SITE_MISSING:
        return MHD_HTTP_NOT_FOUND;
    case SITE_FAILING:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    case SITE_REDIRECT:
        return index % 2 == 0 ? MHD_HTTP_MOVED_PERMANENTLY : MHD_HTTP_FOUND;
    }
    return MHD_HTTP_NOT_FOUND;
}

static const char *const content_types[] = {"text/html", "text/plain", NULL};

static struct MHD_Response *response_for(const struct site_http *http, uint32_t index)
{
    const struct site_node *node = &http->graph->nodes[index];
    char *body = site_page_write(http->graph, index, http->spec->seed, http->ports), location[SITE_ADDRESS_BYTES];
    struct MHD_Response *response =
        node->kind == SITE_BROKEN
            ? MHD_create_response_from_callback(node->body_bytes, BROKEN_SENT, read_broken, body, free)
            : MHD_create_response_from_buffer(node->body_bytes, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return NULL;
    }
    if (content_types[index % 3] != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_types[index % 3]);
    if (index % 2 == 1) /* then no header tells how long the body is */
        MHD_add_response_header(response, MHD_HTTP_HEADER_TRANSFER_ENCODING, "chunked");
    if (node->kind == SITE_REDIRECT) {
        site_page_location(http->graph, index, http->spec->seed, http->ports, location);
        MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, location);
    }
    return response;
}

static enum MHD_Result answer(struct site_http *http, const struct site_request *request)
{
    const struct site_node *node = node_of(http, request);
    struct MHD_Response *response = node != NULL ? response_for(http, request->node)
                                                 : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    const unsigned status = node != NULL ? status_of(node->kind, request->node) : MHD_HTTP_NOT_FOUND;
    site_log_end(http->log);
    if (response == NULL)
        return MHD_NO;
    const enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* libmicrohttpd calls this when the header of a request is read, again when all of it is, and once
 * more when the connection is resumed. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *data_length,
                                  void **state)
{
    struct site_http *http = context;
    struct site_request *request = *state;
    (void)method, (void)version, (void)data;
    if (request == NULL) {
        *state = receive(http, connection, path);
        return MHD_YES;
    }
    if (*data_length > 0) {
        *data_length = 0;
        return MHD_YES;
    }
    if (request->done || (!request->held && request->due <= timing_now()))
        return answer(http, request);
    if (http->gathered)
        request->held = false; /* let go while its header was still being read */
    request->next = http->waiting;
    http->waiting = request;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    free(*state);
    *state = NULL;
}

/* The other site: counts whoever comes, and says no. */
static enum MHD_Result on_stranger(void *context, struct MHD_Connection *connection, const char *path,
                                   const char *method, const char *version, const char *data, size_t *data_length,
                                   void **state)
{
    struct site_http *http = context;
    (void)path, (void)method, (void)version, (void)data, (void)state;
    *data_length = 0;
    http->log->offsite++;
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    const enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, response);
    MHD_destroy_response(response);
    return result;
}

/* Takes `listener` over. */
static struct MHD_Daemon *start_daemon(struct site_http *http, MHD_AccessHandlerCallback handler, int listener)
{
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handler, http,
                         MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (daemon == NULL) {
        perror("site: cannot serve");
        close(listener);
    }
    return daemon;
}

/* 0 if it is not to be known. */
static uint16_t port_of(int listener)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    return getsockname(listener, (struct sockaddr *)&address, &length) == 0 ? ntohs(address.sin_port) : 0;
}

bool site_http_open(struct site_http *http, const struct site_spec *spec, const struct site_graph *graph,
                    struct site_log *log, int own, int other)
{
    *http = (struct site_http){.spec = spec, .graph = graph, .log = log};
    http->ports = (struct site_ports){.own = port_of(own), .other = port_of(other)};
    http->own = start_daemon(http, on_request, own);
    http->other = start_daemon(http, on_stranger, other);
    if (http->own == NULL || http->other == NULL) {
        if (http->own != NULL)
            MHD_stop_daemon(http->own);
        if (http->other != NULL)
            MHD_stop_daemon(http->other);
        return false;
    }
    snprintf(http->host, sizeof http->host, "127.0.0.1:%u", (unsigned)http->ports.own);
    return true;
}

static void resume(struct site_request *request)
{
    request->done = true;
    MHD_resume_connection(request->connection);
}

void site_http_close(struct site_http *http)
{
    /* A daemon must not be stopped while a connection of it is suspended. */
    while (http->waiting != NULL) {
        struct site_request *request = http->waiting;
        http->waiting = request->next;
        resume(request);
    }
    MHD_run(http->own);
    MHD_stop_daemon(http->own);
    MHD_stop_daemon(http->other);
}

void site_http_reset(struct site_http *http)
{
    http->gathered = false;
    http->gather_ends = 0;
}

/* Lets the held requests go when they are enough or have waited long enough. */
static void release_gathered(struct site_http *http, double now)
{
    if (http->gathered || http->gather_ends <= 0)
        return;
    if (http->log->in_progress < http->spec->gather && now < http->gather_ends)
        return;
    http->gathered = true;
    for (struct site_request *r = http->waiting; r != NULL; r = r->next) {
        if (r->held)
            r->due = now + latency_of(http, r);
        r->held = false;
    }
}

/* Resumes what is due; returns how many requests that were. */
static unsigned release_due(struct site_http *http, double now)
{
    unsigned resumed = 0;
    for (struct site_request **link = &http->waiting; *link != NULL;) {
        struct site_request *request = *link;
        if (request->held || request->due > now) {
            link = &request->next;
            continue;
        }
        *link = request->next;
        resume(request);
        resumed++;
    }
    return resumed;
}

/* Seconds from `now` until a request must be looked at again, negative if none waits for a time. */
static double next_release(const struct site_http *http, double now)
{
    double next = !http->gathered ? http->gather_ends : 0.0;
    for (const struct site_request *r = http->waiting; r != NULL; r = r->next)
        if (!r->held && (next <= 0 || r->due < next))
            next = r->due;
    if (next <= 0)
        return -1.0;
    return next > now ? next - now : 0.0;
}

static void sooner(double *wait, struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;
    if (MHD_get_timeout(daemon, &milliseconds) == MHD_YES && (*wait < 0 || (double)milliseconds / 1e3 < *wait))
        *wait = (double)milliseconds / 1e3;
}

double site_http_run(struct site_http *http)
{
    MHD_run(http->own);
    MHD_run(http->other);
    const double now = timing_now();
    release_gathered(http, now);
    /* In a daemon without a thread of its own nothing but the next MHD_run takes up what is resumed. */
    if (release_due(http, now) > 0)
        return 0.0;
    double wait = next_release(http, now);
    sooner(&wait, http->own);
    sooner(&wait, http->other);
    return wait;
}

void site_http_descriptors(const struct site_http *http, int descriptors[2])
{
    descriptors[0] = MHD_get_daemon_info(http->own, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    descriptors[1] = MHD_get_daemon_info(http->other, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}
