#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "site_wire.h"

extern char **environ;

struct site {
    pid_t process; /* the program `site`, if it serves this site alone; 0: the service given to us does */
    int wire;      /* our end of the socket pair */
    char url[40];
};

/* The path of the program `site`, in `path`; false if it cannot be told. */
static bool find_program(char *path, size_t size)
{
    const char *helpers = getenv("LOCKSTEP_HELPERS");
    char self[4000];
    if (helpers != NULL)
        return (size_t)snprintf(path, size, "%s/site", helpers) < size;
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    return (size_t)snprintf(path, size, "%s/site", self) < size;
}

static bool send_all(int wire, const void *data, size_t length)
{
    const char *next = data;
    while (length > 0) {
        const ssize_t sent = send(wire, next, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        next += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int wire, void *data, size_t length)
{
    char *next = data;
    while (length > 0) {
        const ssize_t received = recv(wire, next, length, 0);
        if (received < 0 && errno == EINTR)
            continue;
        if (received <= 0)
            return false;
        next += received;
        length -= (size_t)received;
    }
    return true;
}

static void close_if_open(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

/* --- the service: the one we were given, or a process of our own --- */

static int given = -1; /* the service socket that whoever started this program has handed over */

/* Before main: Criterion closes the standard input of a test. */
__attribute__((constructor)) static void keep_service(void)
{
    int type = 0;
    socklen_t length = sizeof type;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET)
        given = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Starts the program with `far_end` as its descriptor 0. It must not inherit what the caller blocks or
 * ignores: a Criterion test or a bench may do either. Returns 0 or an errno value. */
static int spawn(const char *path, int far_end, pid_t *process)
{
    char *const arguments[] = {"site", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, far_end, STDIN_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = posix_spawn(process, path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Starts a program `site` for one site; returns its service socket, -1 with the reason on stderr. */
static int start_service(pid_t *process)
{
    char path[4096];
    int ends[2];
    if (!find_program(path, sizeof path)) {
        fputs("site: cannot tell where the program 'site' is\n", stderr);
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        perror("site: cannot make a socket pair");
        return -1;
    }
    const int error = spawn(path, ends[1], process);
    close(ends[1]);
    if (error == 0)
        return ends[0];
    fprintf(stderr, "site: cannot start '%s': %s\n", path, strerror(error));
    *process = 0;
    close(ends[0]);
    return -1;
}

/* --- asking it for a site --- */

/* A socket that listens on a free port of 127.0.0.1; -1 with errno. */
static int listen_somewhere(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 ||
        (bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, SOMAXCONN) == 0))
        return listener;
    close(listener);
    return -1;
}

static bool send_request(int service, const struct site_spec *spec, const int descriptors[SITE_DESCRIPTORS])
{
    enum { BYTES = SITE_DESCRIPTORS * sizeof(int) };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(BYTES)] = {0};
    struct iovec part = {.iov_base = (void *)spec, .iov_len = sizeof *spec};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(BYTES);
    memcpy(CMSG_DATA(rights), descriptors, BYTES);
    ssize_t sent;
    do
        sent = sendmsg(service, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *spec;
}

/* Makes the sockets of a site and hands them over; returns our end of its wire, -1 with errno. */
static int ask_for_site(int service, const struct site_spec *spec)
{
    int wire[2], descriptors[SITE_DESCRIPTORS] = {-1, -1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire) != 0)
        return -1;
    descriptors[SITE_WIRE] = wire[1];
    descriptors[SITE_LISTENER] = listen_somewhere();
    descriptors[SITE_STRANGER] = listen_somewhere();
    const bool asked =
        descriptors[SITE_LISTENER] >= 0 && descriptors[SITE_STRANGER] >= 0 && send_request(service, spec, descriptors);
    const int cause = errno;
    for (int i = 0; i < SITE_DESCRIPTORS; i++)
        close_if_open(descriptors[i]);
    if (!asked)
        close(wire[0]);
    errno = cause;
    return asked ? wire[0] : -1;
}

static void forget_proxies(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* Waits until nobody answers at the site's address any more, and its process, if it has one, has ended. */
static void end(struct site *site)
{
    char rest[64];
    ssize_t received = 1;
    shutdown(site->wire, SHUT_WR);
    while (received > 0 || (received < 0 && errno == EINTR))
        received = recv(site->wire, rest, sizeof rest, 0);
    close(site->wire);
    while (site->process > 0 && waitpid(site->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(site);
}

/* Fills wire and process; false, with a message, if there is no site. */
static bool open_site(struct site *site, const struct site_spec *spec)
{
    const int service = given >= 0 ? given : start_service(&site->process);
    if (service < 0)
        return false;
    site->wire = ask_for_site(service, spec);
    const int cause = errno;
    if (given < 0)
        close(service); /* its process ends with the wire */
    if (site->wire >= 0)
        return true;
    fprintf(stderr, "site: cannot ask for a site: %s\n", strerror(cause));
    while (site->process > 0 && waitpid(site->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    return false;
}

struct site *site_start(const struct site_spec *spec)
{
    struct site_hello hello;
    struct site *site = calloc(1, sizeof *site);
    if (site == NULL || !open_site(site, spec)) {
        free(site);
        return NULL;
    }
    if (!receive_all(site->wire, &hello, sizeof hello)) {
        fputs("site: the program 'site' did not answer\n", stderr);
        end(site);
        return NULL;
    }
    snprintf(site->url, sizeof site->url, "http://127.0.0.1:%u/", (unsigned)hello.port);
    forget_proxies();
    return site;
}

const char *site_url(const struct site *site)
{
    return site->url;
}

static bool command(struct site *site, enum site_command word, struct site_stats *stats)
{
    const char byte = (char)word;
    return send_all(site->wire, &byte, 1) && receive_all(site->wire, stats, sizeof *stats);
}

bool site_stats(struct site *site, struct site_stats *stats)
{
    return command(site, SITE_STATS, stats);
}

bool site_reset(struct site *site)
{
    struct site_stats dropped;
    return command(site, SITE_RESET, &dropped);
}

bool site_stop(struct site *site, struct site_stats *stats)
{
    struct site_stats last;
    if (site == NULL)
        return false;
    const bool answered = command(site, SITE_QUIT, &last);
    end(site);
    if (answered && stats != NULL)
        *stats = last;
    return answered;
}
