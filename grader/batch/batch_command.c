#include "batch_command.h"

#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../manifest.h"
#include "../sandbox.h"
#include "../text.h"
#include "gradebook.h"
#include "intake.h"
#include "job.h"
#include "policy.h"
#include "run.h"
#include "versions.h"
#include "work.h"

const char batch_usage[] =
    "usage: grader batch LAB --submissions DIR|ARCHIVE --gradebook FILE [options]\n"
    "  --roster FILE.csv      the class: columns id, login, name, email\n"
    "  --jobs N               hand-ins graded at a time (default: two for each core, and two)\n"
    "  --due TIME             2026-12-01T23:59+09:00; later is late\n"
    "  --late N%/day          what being late costs of the points earned: N%/day, N%/hour, N%\n"
    "  --pick latest|best     which of a student's hand-ins counts (default latest)\n"
    "  --seed N               seed of inputs (default 1)\n"
    "  --unsafe-no-sandbox    run hand-ins though nothing confines them\n";

const char regrade_usage[] =
    "usage: grader regrade GRADEBOOK [options]     grades again what is in the gradebook\n"
    "  --lab LAB              of this lab (default: of all)\n"
    "  --student ID           of this student: id, login or name\n"
    "  --only-changed         only what another version of the lab or grader has graded\n"
    "  --jobs N, --seed N, --unsafe-no-sandbox    as for batch\n";

struct request {
    const char *lab, *gradebook, *student;
    struct intake_request intake;
    long jobs;
    int64_t seed;
    bool unsafe, only_changed;
};

/* More than there are cores: a hand-in often waits, for a deadline, or for its turn to be measured. */
static int default_jobs(void)
{
    cpu_set_t set;
    const int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return 2 * cores + 2;
}

static int complain(const char *format, const char *what)
{
    fputs("grader: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

static bool parse_count(const char *text, long most, int64_t *number)
{
    char *end;
    *number = strtol(text, &end, 10);
    return end != text && *end == '\0' && *number >= 0 && *number <= most;
}

/* Returns false if the value does not fit the option. */
static bool take_option(int option, const char *value, struct request *request)
{
    struct late_policy late;
    int64_t number;
    switch (option) {
    case 's':
        request->intake.submissions = value;
        return true;
    case 'g':
        request->gradebook = value;
        return true;
    case 'r':
        request->intake.roster = value;
        return true;
    case 'd':
        request->intake.due = value;
        return policy_parse_due(value, &number);
    case 'l':
        request->intake.late = value;
        return policy_parse_late(value, &late);
    case 'p':
        request->intake.pick = value;
        return strcmp(value, "latest") == 0 || strcmp(value, "best") == 0;
    case 'j':
        if (!parse_count(value, 256, &number) || number == 0)
            return false;
        request->jobs = (long)number;
        return true;
    case 'e':
        return parse_count(value, INT64_MAX, &request->seed);
    case 'b':
        request->lab = value;
        return true;
    case 't':
        request->student = value;
        return true;
    case 'c':
        request->only_changed = true;
        return true;
    default:
        request->unsafe = true;
        return true;
    }
}

static const struct option batch_options[] = {
    {"submissions", required_argument, NULL, 's'}, {"gradebook", required_argument, NULL, 'g'},
    {"roster", required_argument, NULL, 'r'},      {"jobs", required_argument, NULL, 'j'},
    {"due", required_argument, NULL, 'd'},         {"late", required_argument, NULL, 'l'},
    {"pick", required_argument, NULL, 'p'},        {"seed", required_argument, NULL, 'e'},
    {"unsafe-no-sandbox", no_argument, NULL, 'u'}, {NULL, 0, NULL, 0}};

static const struct option regrade_options[] = {{"lab", required_argument, NULL, 'b'},
                                                {"student", required_argument, NULL, 't'},
                                                {"only-changed", no_argument, NULL, 'c'},
                                                {"jobs", required_argument, NULL, 'j'},
                                                {"seed", required_argument, NULL, 'e'},
                                                {"unsafe-no-sandbox", no_argument, NULL, 'u'},
                                                {NULL, 0, NULL, 0}};

/* Leaves the one argument that is no option in `*word`. */
static bool parse(int argc, char **argv, const struct option *options, const char *usage, struct request *request,
                  const char **word)
{
    *request = (struct request){.jobs = default_jobs(), .seed = 1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != '?' && !take_option(option, optarg, request)) {
            complain("'%s' is nothing that option can take", optarg);
            return false;
        }
        if (option == '?') {
            fputs(usage, stderr);
            return false;
        }
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return false;
    }
    *word = argv[optind];
    return true;
}

static bool may_run(const struct request *request)
{
    if (request->unsafe || sandbox_available())
        return true;
    fputs("grader: nothing on this machine confines what hand-ins do: they could read and change your files and each "
          "other's\n        (--unsafe-no-sandbox goes on regardless; in a container or as a user of its own, say)\n",
          stderr);
    return false;
}

static double cpu_seconds(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_failures(struct gradebook *book, const char *lab)
{
    struct store *store = &book->store;
    sqlite3_stmt *rows = store_query(store,
                                     "SELECT s.name, s.key, j.error FROM job j JOIN handin h ON h.lab = j.lab AND "
                                     "h.hash = j.hash JOIN student s ON s.id = h.student WHERE j.lab = ? AND "
                                     "j.state = 'failed' ORDER BY s.name",
                                     "s", lab);
    bool first = true;
    while (store_step(store, rows)) {
        if (first)
            fputs("not graded, by no fault of the student (start again to try again):\n", stderr);
        first = false;
        fprintf(stderr, "  %s (%s): %s\n", store_column(rows, 0), store_column(rows, 1), store_column(rows, 2));
    }
    sqlite3_finalize(rows);
}

static int sum_up(struct gradebook *book, const char *lab, const struct run_totals *totals, bool written)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double all = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN), programs = totals->programs_cpu_seconds;
    fprintf(stderr,
            "%s: %zu graded, %zu not, in %.1f s; CPU: programs %.2f s, the grader itself %.2f s (%.1f %%); %ld KiB\n",
            lab, totals->graded, totals->failed, totals->seconds, programs, all - programs,
            all > 0 ? 100 * (all - programs) / all : 0.0, usage.ru_maxrss);
    if (!written) {
        fprintf(stderr,
                "grader: cannot write the gradebook '%s': %s\n        what was graded before is in it; start "
                "again with the same words to go on\n",
                book->path, book->store.error);
        return EXIT_GRADER_ERROR;
    }
    print_failures(book, lab);
    if (totals->interrupted) {
        fputs("interrupted: start again with the same words to go on\n", stderr);
        return EXIT_INTERRUPTED;
    }
    return store_number(&book->store, 0, "SELECT count(*) FROM job WHERE lab = ? AND state = 'failed'", "s", lab) > 0
               ? EXIT_GRADER_ERROR
               : EXIT_GRADED;
}

static void print_plan(const struct work_counts *counts, const char *lab)
{
    if (counts->linked > 0)
        fprintf(stderr, "%s: %" PRId64 " hand-ins have a result already\n", lab, counts->linked);
    if (counts->resumed)
        fprintf(stderr, "%s: an interrupted regrade goes on\n", lab);
    fprintf(stderr, "%s: %" PRId64 " to grade", lab, counts->waiting);
    if (counts->handins > counts->waiting)
        fprintf(stderr, " (for %" PRId64 " hand-ins: identical ones are graded once)", counts->handins);
    fputc('\n', stderr);
}

/* Plans and runs; the gradebook is locked. */
static int do_lab(const struct kit *kit, struct gradebook *book, const struct manifest *manifest,
                  const struct request *request, const struct work_scope *scope)
{
    struct work_key key = {.lab = manifest->name, .seed = request->seed};
    struct work_counts counts;
    struct job_site site = {
        .lab = manifest->id, .lab_name = manifest->name, .file = manifest->file, .seed = request->seed};
    struct run_totals totals = {0};
    char *error = NULL;
    versions_lab(manifest, key.lab_version);
    versions_grader(kit, key.grader_version);
    if (!work_plan(book, &key, scope, &counts))
        return sum_up(book, key.lab, &totals, false);
    print_plan(&counts, key.lab);
    int code;
    if (job_site_open(&site, book->path, &error)) {
        const bool written = run_jobs(book, &site, (unsigned)request->jobs, (size_t)counts.waiting, &totals);
        code = sum_up(book, key.lab, &totals, written);
    } else {
        complain("%s", error);
        code = EXIT_GRADER_ERROR;
    }
    free(error);
    job_site_close(&site);
    return code;
}

static struct manifest *load_lab(const struct kit *kit, const char *lab)
{
    char *error = NULL, *directory = kit_lab(kit, lab);
    struct manifest *manifest = directory != NULL ? manifest_load(directory, &error) : NULL;
    if (directory == NULL)
        complain("unknown lab '%s': `grader list` names them", lab);
    else if (manifest == NULL)
        fprintf(stderr, "%s\n", error);
    free(error);
    free(directory);
    return manifest;
}

static int batch(const struct kit *kit, const struct request *request, const struct manifest *manifest)
{
    struct gradebook book;
    char *error = NULL;
    int code = EXIT_GRADER_ERROR;
    if (!gradebook_open(&book, request->gradebook, true, &error)) {
        complain("%s", error);
        free(error);
        return EXIT_GRADER_ERROR;
    }
    if (gradebook_lock(&book, &error) && intake_run(&book, manifest, &request->intake, &error)) {
        intake_print(&book, manifest->name);
        code = do_lab(kit, &book, manifest, request, &(struct work_scope){.why = "batch"});
    } else {
        complain("%s", error);
    }
    free(error);
    gradebook_close(&book);
    return code;
}

int batch_command(const struct kit *kit, int argc, char **argv)
{
    struct request request;
    const char *lab;
    if (!parse(argc, argv, batch_options, batch_usage, &request, &lab))
        return EXIT_USAGE;
    if (request.intake.submissions == NULL || request.gradebook == NULL) {
        fputs(batch_usage, stderr);
        return EXIT_USAGE;
    }
    struct manifest *manifest = may_run(&request) ? load_lab(kit, lab) : NULL;
    const int code = manifest != NULL ? batch(kit, &request, manifest) : EXIT_USAGE;
    manifest_free(manifest);
    return code;
}

static int regrade_lab(const struct kit *kit, struct gradebook *book, const struct request *request, const char *lab,
                       int64_t student)
{
    const struct work_scope scope = {.student = student, .again = !request->only_changed, .why = "regrade"};
    struct manifest *manifest = load_lab(kit, lab);
    const int64_t before = store_number(&book->store, 0, "SELECT max(id) FROM history", "");
    const int code = manifest != NULL ? do_lab(kit, book, manifest, request, &scope) : EXIT_USAGE;
    sqlite3_stmt *rows = store_query(
        &book->store,
        "SELECT s.name, s.key, o.score, n.score FROM history c JOIN result n ON n.id = c.result JOIN handin h ON "
        "h.id = c.handin JOIN student s ON s.id = h.student JOIN result o ON o.id = (SELECT result FROM history "
        "WHERE handin = c.handin AND id <= ?1 ORDER BY id DESC LIMIT 1) WHERE c.id > ?1 AND o.score <> n.score "
        "ORDER BY s.name",
        "i", before);
    while (store_step(&book->store, rows))
        printf("%s (%s): %s -> %s\n", store_column(rows, 0), store_column(rows, 1), store_column(rows, 2),
               store_column(rows, 3));
    sqlite3_finalize(rows);
    manifest_free(manifest);
    return code;
}

/* The names of the labs asked for, one after the other, each with a NUL behind it and one more at the end. Caller
 * frees. No statement may stay open while hand-ins are graded: it would hold the gradebook at one moment. */
static char *lab_names(struct gradebook *book, const char *lab)
{
    char *names = text_allocate(1, 1);
    size_t used = 0;
    sqlite3_stmt *rows = store_query(&book->store,
                                     "SELECT name FROM lab WHERE ?1 IS NULL OR name = ?1 OR substr(name, 1, "
                                     "length(?1) + 1) = ?1 || '_' ORDER BY name",
                                     "s", lab);
    while (store_step(&book->store, rows)) {
        const char *name = store_column(rows, 0);
        const size_t length = strlen(name) + 1;
        names = text_grow(names, used + length + 1, 1);
        memcpy(names + used, name, length);
        used += length;
        names[used] = '\0';
    }
    sqlite3_finalize(rows);
    return names;
}

/* Goes on after a lab with a fault, and returns the worst exit status. */
static int regrade(const struct kit *kit, struct gradebook *book, const struct request *request, int64_t student)
{
    int worst = EXIT_GRADED;
    char *labs = lab_names(book, request->lab);
    if (labs[0] == '\0')
        worst = complain("the gradebook has no lab '%s'", request->lab != NULL ? request->lab : "");
    for (const char *lab = labs; *lab != '\0' && worst != EXIT_INTERRUPTED; lab += strlen(lab) + 1) {
        const int code = regrade_lab(kit, book, request, lab, student);
        worst = code > worst ? code : worst;
    }
    free(labs);
    return worst;
}

int regrade_command(const struct kit *kit, int argc, char **argv)
{
    struct request request;
    struct gradebook book;
    char *error = NULL;
    int64_t student = 0;
    int code = EXIT_USAGE;
    if (!parse(argc, argv, regrade_options, regrade_usage, &request, &request.gradebook) || !may_run(&request))
        return EXIT_USAGE;
    if (!gradebook_open(&book, request.gradebook, false, &error)) {
        complain("%s", error);
        free(error);
        return EXIT_USAGE;
    }
    if (!gradebook_lock(&book, &error))
        code = EXIT_GRADER_ERROR;
    else if (request.student == NULL || (student = gradebook_student(&book, request.student, &error)) != 0)
        code = regrade(kit, &book, &request, student);
    if (error != NULL)
        complain("%s", error);
    free(error);
    gradebook_close(&book);
    return code;
}
