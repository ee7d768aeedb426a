#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "formats/shown.h"
#include "manifest.h"
#include "pipeline.h"
#include "process.h"
#include "process_interrupt.h"
#include "report_text.h"
#include "text.h"
#include "workspace.h"

/* An editor saves in several steps: after the last of them it is quiet for this long. */
enum { QUIET_MS = 150, SHOWN = 4096 };

struct watch {
    const struct kit *kit;
    const struct manifest *manifest;
    char *handin;            /* the file */
    const char *name;        /* its last part */
    int events;              /* inotify, on the file's folder: editors put a new file in place of the old one */
    char *last_key, *last;   /* what was on top last time: how to know it again, and its text; NULL: nothing */
    struct termios terminal; /* as it was */
    bool is_terminal;
};

enum wish { SAVED, FULL, END, FAILED };

/* ---- the finding on top ---- */

/* Stage, kind and the test's or scenario's name, with which messages begin. */
static char *key_of(const struct stage_result *stage, const struct finding *finding)
{
    return text_format("%s %s %.*s", stage->name, finding->kind, (int)strcspn(finding->message, ":\n"),
                       finding->message);
}

static char *text_of(const struct stage_result *stage, const struct finding *finding)
{
    struct stage_result one = *stage;
    one.findings = (struct finding *)finding;
    one.findings_count = 1;
    return shown_findings(&one, SHOWN);
}

/* The same finding in a new report, as text; NULL if it is gone. */
static char *find_again(const struct report *report, const char *key)
{
    for (size_t s = 0; s < report->stages_count; s++)
        for (size_t i = 0; i < report->stages[s].findings_count; i++) {
            char *other = key_of(&report->stages[s], &report->stages[s].findings[i]);
            const bool same = strcmp(other, key) == 0;
            free(other);
            if (same)
                return text_of(&report->stages[s], &report->stages[s].findings[i]);
        }
    return NULL;
}

/* Whether the stage that had it has run: else nothing is known about it. */
static bool has_run(const struct report *report, const char *key)
{
    for (size_t s = 0; s < report->stages_count; s++) {
        const size_t length = strlen(report->stages[s].name);
        if (strncmp(report->stages[s].name, key, length) == 0 && key[length] == ' ')
            return report->stages[s].status != STATUS_NOT_RUN && report->stages[s].status != STATUS_GRADER_ERROR;
    }
    return false;
}

static void show_last(const struct watch *watch, const struct report *report)
{
    if (watch->last_key == NULL)
        return;
    char *again = find_again(report, watch->last_key);
    if (again != NULL)
        printf("still wrong: %s\n\n", again);
    else if (has_run(report, watch->last_key))
        printf("mended: %.*s\n\n", (int)strcspn(watch->last, "\n"), watch->last);
    free(again);
}

static void remember(struct watch *watch, const struct report *report)
{
    const struct stage_result *stage;
    const struct finding *finding = report_text_first(report, &stage);
    free(watch->last_key);
    free(watch->last);
    watch->last_key = finding != NULL ? key_of(stage, finding) : NULL;
    watch->last = finding != NULL ? text_of(stage, finding) : NULL;
}

/* ---- one round ---- */

static bool grade(struct watch *watch, const char *stages)
{
    struct workspace workspace;
    struct report report;
    char *error = NULL;
    if (workspace_create(&workspace, watch->kit, watch->manifest, watch->handin, NULL, &error) != EXIT_GRADED) {
        printf("%s\n", error);
        free(error);
        return true;
    }
    workspace.stages = workspace.programs = pipeline_stages(stages);
    pipeline_run(watch->manifest, &workspace, &report);
    if (!process_interrupted()) {
        if (watch->is_terminal)
            fputs("\033[H\033[2J", stdout);
        show_last(watch, &report);
        report_text(stdout, &report, watch->is_terminal);
        remember(watch, &report);
        printf("\nwatching %s: save it to build and test again; g grades in full, q ends\n", watch->handin);
    }
    report_release(&report);
    workspace_remove(&workspace);
    return fflush(stdout) == 0;
}

/* ---- waiting ---- */

/* Reads what has happened in the folder; whether it was to the hand-in. */
static bool is_saved(const struct watch *watch)
{
    _Alignas(struct inotify_event) char buffer[4096];
    bool saved = false;
    const ssize_t length = read(watch->events, buffer, sizeof buffer);
    for (ssize_t i = 0; i < length;) {
        const struct inotify_event *event = (const struct inotify_event *)(buffer + i);
        saved = saved || (event->len > 0 && strcmp(event->name, watch->name) == 0);
        i += (ssize_t)(sizeof *event + event->len);
    }
    return saved;
}

static enum wish read_key(void)
{
    char key;
    const ssize_t length = read(STDIN_FILENO, &key, 1);
    if (length <= 0 || key == 'q' || key == 'Q' || key == 4)
        return END;
    return key == 'g' || key == 'G' || key == '\n' || key == '\r' ? FULL : FAILED;
}

/* Blocks until there is something to do. */
static enum wish next_wish(const struct watch *watch)
{
    struct pollfd sources[] = {{.fd = watch->events, .events = POLLIN},
                               {.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = process_interrupt_event(), .events = POLLIN}};
    bool saved = false;
    while (!process_interrupted()) {
        const int ready = poll(sources, 3, saved ? QUIET_MS : -1);
        if (ready < 0 && errno != EINTR)
            return FAILED;
        if (ready == 0)
            return SAVED;
        if (ready > 0 && (sources[0].revents & POLLIN) != 0)
            saved = is_saved(watch) || saved;
        if (ready > 0 && sources[1].revents != 0) {
            const enum wish wish = read_key();
            if (wish != FAILED)
                return wish;
        }
    }
    return END;
}

static int run(struct watch *watch)
{
    bool ok = grade(watch, "build,tests");
    while (ok) {
        const enum wish wish = process_interrupted() ? END : next_wish(watch);
        if (wish == END)
            return process_interrupted() ? EXIT_INTERRUPTED : EXIT_GRADED;
        ok = wish != FAILED && grade(watch, wish == FULL ? NULL : "build,tests");
    }
    fprintf(stderr, "grader: cannot go on watching: %s\n", strerror(errno));
    return EXIT_GRADER_ERROR;
}

/* ---- beginning and end ---- */

/* Keys are read as they are typed, and not shown. */
static void set_up_terminal(struct watch *watch)
{
    watch->is_terminal =
        isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &watch->terminal) == 0;
    if (!watch->is_terminal)
        return;
    struct termios raw = watch->terminal;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static bool set_up_events(struct watch *watch)
{
    const char *slash = strrchr(watch->handin, '/');
    char *folder = slash != NULL ? text_copy(watch->handin, (size_t)(slash - watch->handin + 1)) : text_copy(".", 1);
    watch->name = slash != NULL ? slash + 1 : watch->handin;
    watch->events = inotify_init1(IN_CLOEXEC);
    const bool ok = watch->events >= 0 && inotify_add_watch(watch->events, folder, IN_CLOSE_WRITE | IN_MOVED_TO) >= 0;
    if (!ok)
        fprintf(stderr, "grader: cannot watch '%s': %s\n", folder, strerror(errno));
    free(folder);
    return ok;
}

/* `path` from the working directory, if it is below it: shorter to read. */
static const char *shorten(const char *path)
{
    char directory[PATH_MAX];
    const size_t length = getcwd(directory, sizeof directory) != NULL ? strlen(directory) : 0;
    return length > 0 && strncmp(path, directory, length) == 0 && path[length] == '/' ? path + length + 1 : path;
}

static int watch_lab(const struct kit *kit, const struct manifest *manifest, const char *handin)
{
    struct watch watch = {.kit = kit, .manifest = manifest, .events = -1};
    char *own = text_join(manifest->directory, manifest->file);
    char *inside = handin != NULL ? text_join(handin, manifest->file) : NULL;
    const char *file = handin == NULL ? shorten(own) : access(inside, F_OK) == 0 ? inside : handin;
    watch.handin = text_copy(file, strlen(file));
    int code = EXIT_USAGE;
    if (set_up_events(&watch)) {
        set_up_terminal(&watch);
        code = run(&watch);
        if (watch.is_terminal)
            tcsetattr(STDIN_FILENO, TCSANOW, &watch.terminal);
    }
    if (watch.events >= 0)
        close(watch.events);
    free(watch.last_key);
    free(watch.last);
    free(watch.handin);
    free(inside);
    free(own);
    return code;
}

const char watch_usage[] = "usage: grader watch LAB [FILE|DIR]\n"
                           "  builds and tests at each save; g or Enter grades in full, q ends\n";

int watch_command(const struct kit *kit, int argc, char **argv)
{
    char *error = NULL;
    if (argc < 2 || argc > 3) {
        fputs(watch_usage, stderr);
        return EXIT_USAGE;
    }
    char *directory = kit_lab(kit, argv[1]);
    if (directory == NULL) {
        fprintf(stderr, "grader: unknown lab '%s': `grader list` names them\n", argv[1]);
        return EXIT_USAGE;
    }
    struct manifest *manifest = manifest_load(directory, &error);
    int code = EXIT_USAGE;
    if (manifest != NULL)
        code = watch_lab(kit, manifest, argc == 3 ? argv[2] : NULL);
    else
        fprintf(stderr, "%s\n", error);
    manifest_free(manifest);
    free(error);
    free(directory);
    return code;
}
