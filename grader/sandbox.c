#include "sandbox.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "process_launch.h"
#include "sandbox_filter.h"
#include "text.h"

/* In memory, so it counts as memory: what a sandbox may write to its private directories, together at most twice this.
 */
#define SCRATCH_BYTES "268435456"

static const double probe_seconds = 20.0;

enum mode {
    MODE_NONE,
    MODE_ROOT, /* root sets it up, and the program becomes SANDBOX_USER */
    MODE_USER, /* within a user namespace */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum mode mode = MODE_NONE;
static const char *lack = NULL;
static int filter = -1;

/* What there is of the system. Links are made anew, the rest is bound. */
static const char *const system_paths[] = {
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
    /* what the dynamic linker and Debian's alternatives (cc, awk) look at */
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
};

/* A list of words that grows; kept ended by NULL. */
struct words {
    char **items;
    size_t count;
};

static void add_owned(struct words *words, char *word)
{
    words->items = text_grow(words->items, words->count + 2, sizeof *words->items);
    words->items[words->count++] = word;
    words->items[words->count] = NULL;
}

static void add(struct words *words, const char *word)
{
    add_owned(words, text_format("%s", word));
}

static void add_all(struct words *words, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++)
        add(words, list[i]);
}

static void add_bind(struct words *words, const char *option, const char *path)
{
    add(words, option);
    add(words, path);
    add(words, path);
}

static void add_directory(struct words *words, const char *path)
{
    add_all(words, (const char *[]){"--perms", "0755", "--dir", NULL});
    add(words, path);
}

static void add_system(struct words *words)
{
    add_directory(words, "/etc");
    add_directory(words, "/run");
    add_directory(words, "/nix");
    add_directory(words, "/gnu");
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++) {
        char target[PATH_MAX];
        const ssize_t length = readlink(system_paths[i], target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            add(words, "--symlink");
            add(words, target);
            add(words, system_paths[i]);
        } else if (access(system_paths[i], F_OK) == 0) {
            add_bind(words, "--ro-bind", system_paths[i]);
        }
    }
}

static bool is_system(const char *path)
{
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++) {
        const size_t length = strlen(system_paths[i]);
        if (strncmp(path, system_paths[i], length) == 0 && (path[length] == '/' || path[length] == '\0'))
            return true;
    }
    return false;
}

/* The directories above `path`, which bwrap would make for its own user alone. */
static void add_parents(struct words *words, const char *path)
{
    if (is_system(path))
        return;
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        char *parent = text_copy(path, (size_t)(slash - path));
        if (strcmp(parent, "/tmp") != 0 && strcmp(parent, "/dev") != 0)
            add_directory(words, parent);
        free(parent);
    }
}

static void add_memory(struct words *words, const char *path)
{
    add_all(words, (const char *[]){"--perms", "1777", "--size", SCRATCH_BYTES, "--tmpfs", NULL});
    add(words, path);
}

static void add_paths(struct words *words, const char *option, const char *const *paths)
{
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        add_parents(words, paths[i]);
        if (option != NULL)
            add_bind(words, option, paths[i]);
        else
            add_memory(words, paths[i]);
    }
}

static void add_namespaces(struct words *words, enum mode wanted, bool network)
{
    static const char *const all[] = {"--unshare-pid",     "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
                                      "--die-with-parent", "--new-session", "--as-pid-1",    NULL};
    add(words, "bwrap");
    add_all(words, all);
    if (!network)
        add(words, "--unshare-net");
    if (wanted != MODE_USER)
        return;
    char *user = text_format("%d", SANDBOX_USER);
    add_all(words, (const char *[]){"--unshare-user", "--uid", user, "--gid", user, NULL});
    free(user);
}

static const char *const inside_path = "/run/lockstep-inside";

/* Everything up to and with the program `inside` and its user. */
static struct words begin_arguments(enum mode wanted, const struct sandbox *sandbox)
{
    struct words words = {0};
    char *inside = process_launch_program("inside");
    add_namespaces(&words, wanted, sandbox->network);
    add_system(&words);
    add_all(&words, (const char *[]){"--proc", "/proc", "--dev", "/dev", NULL});
    add_memory(&words, "/tmp");
    add_memory(&words, "/dev/shm");
    add_paths(&words, NULL, sandbox->scratch);
    add_paths(&words, "--ro-bind", sandbox->readable);
    add_paths(&words, "--bind", sandbox->writable);
    add(&words, "--ro-bind");
    add(&words, inside != NULL ? inside : "");
    add_all(&words, (const char *[]){inside_path, "--remount-ro", "/", "--chdir", "/", "--", inside_path, NULL});
    add_owned(&words, text_format("%d", wanted == MODE_ROOT ? SANDBOX_USER : 0));
    free(inside);
    return words;
}

static void free_words(char **words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        free(words[i]);
    free(words);
}

/* --- whether it works here --- */

/* Runs `inside`, which only tries to become the right user. */
static bool try_mode(enum mode wanted)
{
    const struct sandbox nothing = {0};
    struct words words = begin_arguments(wanted, &nothing);
    const struct process_spec spec = {.argv = (const char *const *)words.items, .deadline = probe_seconds};
    struct process_result result;
    bool works = false;
    if (process_run(&spec, 1, 1, &result)) {
        works = result.end == PROCESS_EXITED && result.code == 0;
        if (result.end == PROCESS_NOT_STARTED)
            lack = "bubblewrap is not installed";
        process_release(&result);
    }
    free_words(words.items);
    return works;
}

static void find_mode(void)
{
    filter = sandbox_filter_create();
    if (filter < 0)
        lack = "libseccomp cannot make a filter of system calls here";
    else if (geteuid() == 0 && try_mode(MODE_ROOT))
        mode = MODE_ROOT;
    else if (try_mode(MODE_USER))
        mode = MODE_USER;
    else if (lack == NULL)
        lack = "bubblewrap may not make namespaces here";
}

static void find_nothing(void)
{
    lack = "it was turned off with --no-sandbox";
}

void sandbox_turn_off(void)
{
    pthread_once(&once, find_nothing);
}

static enum mode current_mode(void)
{
    pthread_once(&once, find_mode);
    return mode;
}

bool sandbox_available(void)
{
    return current_mode() != MODE_NONE;
}

const char *sandbox_lack(void)
{
    return current_mode() == MODE_NONE ? lack : NULL;
}

const char *sandbox_user(void)
{
    return current_mode() == MODE_ROOT ? "a user of its own" : "your user, without any rights, in a user namespace";
}

int sandbox_filter(void)
{
    return current_mode() != MODE_NONE ? filter : -1;
}

bool sandbox_hand_over(const char *path)
{
    return current_mode() != MODE_ROOT || lchown(path, SANDBOX_USER, SANDBOX_USER) == 0;
}

/* --- one program --- */

/* The file that execvp would take, found in the grader's own PATH: what is missing there counts as missing. Empty if
 * there is none. */
static char *find_file(const char *program)
{
    if (strchr(program, '/') != NULL)
        return text_format("%s", program);
    const char *path = getenv("PATH");
    for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0'; at += *at == ':') {
        const size_t length = strcspn(at, ":");
        char *candidate = text_format("%.*s/%s", (int)length, at, program);
        char *real = access(candidate, X_OK) == 0 ? realpath(candidate, NULL) : NULL;
        free(candidate);
        if (real != NULL)
            return real;
        at += length;
    }
    return text_format("%s", "");
}

char **sandbox_arguments(const struct sandbox *sandbox, const char *directory, const char *program)
{
    if (!sandbox_available())
        return NULL;
    struct words words = begin_arguments(current_mode(), sandbox);
    add(&words, directory != NULL ? directory : "/tmp");
    add_owned(&words, find_file(program));
    return words.items;
}
