#include "site.h"

#include <errno.h>
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
    pid_t process;
    int wire; /* our end of the socket pair */
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

static void forget_proxies(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* Waits until the site's process has ended. */
static void reap(struct site *site)
{
    close(site->wire);
    while (waitpid(site->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(site);
}

static bool open_site(struct site *site)
{
    char path[4096];
    int ends[2], error;
    if (!find_program(path, sizeof path)) {
        fputs("site: cannot tell where the program 'site' is\n", stderr);
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        perror("site: cannot make a socket pair");
        return false;
    }
    error = spawn(path, ends[1], &site->process);
    close(ends[1]);
    site->wire = ends[0];
    if (error == 0)
        return true;
    fprintf(stderr, "site: cannot start '%s': %s\n", path, strerror(error));
    close(ends[0]);
    return false;
}

struct site *site_start(const struct site_spec *spec)
{
    struct site_hello hello;
    struct site *site = calloc(1, sizeof *site);
    if (site == NULL || !open_site(site)) {
        free(site);
        return NULL;
    }
    if (!send_all(site->wire, spec, sizeof *spec) || !receive_all(site->wire, &hello, sizeof hello)) {
        fputs("site: the program 'site' ended before it answered\n", stderr);
        reap(site);
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
    reap(site);
    if (answered && stats != NULL)
        *stats = last;
    return answered;
}
