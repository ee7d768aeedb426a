#include "job.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../directory.h"
#include "../process.h"
#include "../text.h"
#include "sha256.h"

enum { REPORT_BYTES_MAX = 16 << 20, JOB_PROCESSES = 4096, JOB_SECONDS = 3600 };

/* The beginning of the folders' names: the same for each batch on that gradebook. */
static char *scratch_stem(const char *gradebook)
{
    char hex[SHA256_HEX], *real = realpath(gradebook, NULL);
    sha256_of(real != NULL ? real : gradebook, strlen(real != NULL ? real : gradebook), hex);
    free(real);
    return text_format("%s/lockstep-batch-%u-%.16s-", directory_parent(), (unsigned)getuid(), hex);
}

/* In /tmp anybody could have made a folder of that name: only our own are touched. */
static void remove_left_behind(const char *stem)
{
    glob_t found;
    char *pattern = text_format("%s*", stem);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct stat status;
            if (lstat(found.gl_pathv[i], &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == getuid())
                directory_remove(found.gl_pathv[i]);
        }
        globfree(&found);
    }
    free(pattern);
}

bool job_site_open(struct job_site *site, const char *gradebook, char **error)
{
    const char *stub = getenv("LOCKSTEP_BATCH_JOB");
    *error = NULL;
    char *stem = scratch_stem(gradebook);
    remove_left_behind(stem);
    site->scratch = text_format("%sXXXXXX", stem);
    free(stem);
    site->program = realpath(stub != NULL ? stub : "/proc/self/exe", NULL);
    if (site->program == NULL || mkdtemp(site->scratch) == NULL)
        *error = text_format("cannot make the working directory '%s': %s", site->scratch, strerror(errno));
    return *error == NULL;
}

void job_site_close(struct job_site *site)
{
    if (site->scratch != NULL)
        directory_remove(site->scratch);
    free(site->scratch);
    free(site->program);
    *site = (struct job_site){0};
}

static bool has_grader_error(const json_t *report, struct job_outcome *outcome)
{
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        const char *status = json_string_value(json_object_get(stage, "status"));
        if (status == NULL || strcmp(status, "GRADER_ERROR") != 0)
            continue;
        const json_t *finding = json_array_get(json_object_get(stage, "findings"), 0);
        const char *said = json_string_value(json_object_get(finding, "message"));
        const char *name = json_string_value(json_object_get(stage, "name"));
        outcome->error = text_format("%s: %s", name != NULL ? name : "?", said != NULL ? said : "GRADER_ERROR");
        return true;
    }
    return false;
}

/* Whether the report is one, whole, and a mark. */
static bool read_report(const char *path, struct job_outcome *outcome)
{
    size_t length = 0;
    outcome->report = text_read_file(path, REPORT_BYTES_MAX, &length);
    json_t *report = outcome->report != NULL ? json_loads(outcome->report, 0, NULL) : NULL;
    const char *schema = json_string_value(json_object_get(report, "schema"));
    const json_t *score = json_object_get(report, "score"), *most = json_object_get(report, "max_score");
    bool good = false;
    if (schema == NULL || strcmp(schema, "lockstep/report/1") != 0 || !json_is_integer(score) || !json_is_integer(most))
        outcome->error = text_format("no report was written");
    else
        good = !has_grader_error(report, outcome);
    outcome->programs_cpu_seconds = json_number_value(json_object_get(report, "programs_cpu_seconds"));
    outcome->score = (int)json_integer_value(score);
    outcome->max_score = (int)json_integer_value(most);
    json_decref(report);
    return good;
}

static void judge(const struct process_spec *spec, const struct process_result *result, const char *report,
                  struct job_outcome *outcome)
{
    outcome->seconds = result->seconds;
    if (result->end == PROCESS_INTERRUPTED || process_interrupted()) {
        outcome->interrupted = true;
    } else if (result->end == PROCESS_EXITED && result->code == 0) {
        outcome->graded = read_report(report, outcome);
    } else if (result->end != PROCESS_EXITED || result->code != 3 || read_report(report, outcome) ||
               outcome->report == NULL) {
        char *how = process_describe(spec, result), *said = text_clean(result->err);
        free(outcome->error);
        outcome->error = text_format("grading %s%s%s", how, said[0] != '\0' ? ": " : "", said);
        free(how);
        free(said);
    }
}

/* What a program started by process_run gets of our environment beyond the few variables it always has. */
static size_t pass_on(const char *name, char **to)
{
    const char *value = getenv(name);
    if (value == NULL)
        return 0;
    /* It names a file, and the job stands in another folder than we do. */
    char *real = realpath(value, NULL);
    *to = text_format("%s=%s", name, real != NULL ? real : value);
    free(real);
    return 1;
}

static void start(const struct job_site *site, const char *directory, const char *report, struct job_outcome *outcome)
{
    char *seed = text_format("%" PRId64, site->seed), *set[6] = {text_format("TMPDIR=%s/tmp", directory)};
    const char *const argv[] = {site->program, "grade", site->lab, site->file, "--json", report, "--seed", seed, NULL};
    size_t count = 1;
    count += pass_on("LOCKSTEP_ROOT", &set[count]);
    count += pass_on("LOCKSTEP_SUPERVISE", &set[count]);
    count += pass_on("LOCKSTEP_BATCH_STUB", &set[count]);
    const struct process_spec spec = {.argv = argv,
                                      .directory = directory,
                                      .set = (const char *const *)set,
                                      .deadline = JOB_SECONDS,
                                      .file_limit = (uint64_t)1 << 30,
                                      .tree_memory_limit = UINT64_MAX, /* each program in it has its own */
                                      .process_limit = JOB_PROCESSES};
    struct process_result result;
    if (process_run(&spec, 1, 1, &result)) {
        judge(&spec, &result, report, outcome);
        process_release(&result);
    } else {
        outcome->error = text_format("cannot start '%s'", site->program);
    }
    for (size_t i = 0; i < count; i++)
        free(set[i]);
    free(seed);
}

void job_run(const struct job_site *site, unsigned slot, const char *bytes, size_t length, struct job_outcome *outcome)
{
    char *directory = text_format("%s/%u", site->scratch, slot), *temporary = text_join(directory, "tmp");
    char *file = text_join(directory, site->file), *report = text_format("%s/%u.json", site->scratch, slot);
    *outcome = (struct job_outcome){0};
    directory_remove(directory);
    unlink(report);
    if (mkdir(directory, 0700) == 0 && mkdir(temporary, 0700) == 0 && text_write_file(file, bytes, length))
        start(site, directory, report, outcome);
    else
        outcome->error = text_format("cannot write '%s': %s", directory, strerror(errno));
    if (outcome->error == NULL && !outcome->graded && !outcome->interrupted)
        outcome->error = text_format("grading it came to nothing");
    directory_remove(directory);
    unlink(report);
    free(directory);
    free(temporary);
    free(file);
    free(report);
}

void job_release(struct job_outcome *outcome)
{
    free(outcome->report);
    free(outcome->error);
    *outcome = (struct job_outcome){0};
}
