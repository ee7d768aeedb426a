#include "manifest.h"

#include <cyaml/cyaml.h>
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_check.h"
#include "text.h"
#include "yaml_check.h"

enum {
    LARGEST_FILE = 64 * 1024, /* bytes */
    MOST_ENTRIES = 200,       /* of a list; names are compared each with each */
};

/* ---- the keys of lab.yaml, each declared here and nowhere else ---- */

static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t points_fields[] = {
    CYAML_FIELD_INT("build", CYAML_FLAG_DEFAULT, struct manifest_points, build),
    CYAML_FIELD_INT("tests", CYAML_FLAG_DEFAULT, struct manifest_points, tests),
    CYAML_FIELD_INT("schedules", CYAML_FLAG_DEFAULT, struct manifest_points, schedules),
    CYAML_FIELD_INT("races", CYAML_FLAG_DEFAULT, struct manifest_points, races),
    CYAML_FIELD_INT("speedup", CYAML_FLAG_DEFAULT, struct manifest_points, speedup),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    CYAML_FIELD_FLOAT("test_seconds", CYAML_FLAG_OPTIONAL, struct manifest_limits, test_seconds),
    CYAML_FIELD_FLOAT("race_seconds", CYAML_FLAG_OPTIONAL, struct manifest_limits, race_seconds),
    CYAML_FIELD_FLOAT("bench_seconds", CYAML_FLAG_OPTIONAL, struct manifest_limits, bench_seconds),
    CYAML_FIELD_FLOAT("test_cpu_seconds", CYAML_FLAG_OPTIONAL, struct manifest_limits, test_cpu_seconds),
    CYAML_FIELD_FLOAT("race_cpu_seconds", CYAML_FLAG_OPTIONAL, struct manifest_limits, race_cpu_seconds),
    CYAML_FIELD_FLOAT("bench_cpu_seconds", CYAML_FLAG_OPTIONAL, struct manifest_limits, bench_cpu_seconds),
    CYAML_FIELD_INT("memory_mb", CYAML_FLAG_OPTIONAL, struct manifest_limits, memory_mb),
    CYAML_FIELD_INT("tree_memory_mb", CYAML_FLAG_OPTIONAL, struct manifest_limits, tree_memory_mb),
    CYAML_FIELD_INT("processes", CYAML_FLAG_OPTIONAL, struct manifest_limits, processes),
    CYAML_FIELD_INT("descriptors", CYAML_FLAG_OPTIONAL, struct manifest_limits, descriptors),
    CYAML_FIELD_INT("file_mb", CYAML_FLAG_OPTIONAL, struct manifest_limits, file_mb),
    CYAML_FIELD_INT("output_mb", CYAML_FLAG_OPTIONAL, struct manifest_limits, output_mb),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t test_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct manifest_test, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_INT("points", CYAML_FLAG_DEFAULT, struct manifest_test, points),
    CYAML_FIELD_STRING_PTR("function", CYAML_FLAG_POINTER, struct manifest_test, function, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("why", CYAML_FLAG_POINTER, struct manifest_test, why, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t test_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct manifest_test, test_fields),
};

static const cyaml_schema_field_t scenario_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct manifest_scenario, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_INT("points", CYAML_FLAG_DEFAULT, struct manifest_scenario, points),
    CYAML_FIELD_STRING_PTR("function", CYAML_FLAG_POINTER, struct manifest_scenario, function, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("why", CYAML_FLAG_POINTER, struct manifest_scenario, why, 0, CYAML_UNLIMITED),
    CYAML_FIELD_INT("schedules", CYAML_FLAG_OPTIONAL, struct manifest_scenario, schedules),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t scenario_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct manifest_scenario, scenario_fields),
};

static const cyaml_strval_t kinds[] = {
    {"cpu", MEASURE_CPU},
    {"latency", MEASURE_LATENCY},
    {"waiting", MEASURE_WAITING},
};

static const cyaml_schema_field_t measure_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct manifest_measure, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct manifest_measure, kind, kinds, CYAML_ARRAY_LEN(kinds)),
    CYAML_FIELD_INT("workers", CYAML_FLAG_DEFAULT, struct manifest_measure, workers),
    CYAML_FIELD_FLOAT("threshold", CYAML_FLAG_DEFAULT, struct manifest_measure, threshold),
    CYAML_FIELD_INT("points", CYAML_FLAG_DEFAULT, struct manifest_measure, points),
    CYAML_FIELD_STRING_PTR("function", CYAML_FLAG_POINTER, struct manifest_measure, function, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("why", CYAML_FLAG_POINTER, struct manifest_measure, why, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t measure_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct manifest_measure, measure_fields),
};

static const cyaml_schema_field_t manifest_fields[] = {
    CYAML_FIELD_STRING_PTR("title", CYAML_FLAG_POINTER, struct manifest, title, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("idea", CYAML_FLAG_POINTER, struct manifest, idea, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, struct manifest, file, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("libraries", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct manifest, libraries,
                         &word_schema, 0, MOST_ENTRIES),
    CYAML_FIELD_STRING_PTR("service", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct manifest, service, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("symbols", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct manifest, symbols, &word_schema, 1,
                         MOST_ENTRIES),
    CYAML_FIELD_SEQUENCE("functions", CYAML_FLAG_POINTER, struct manifest, functions, &word_schema, 1, MOST_ENTRIES),
    CYAML_FIELD_MAPPING("points", CYAML_FLAG_DEFAULT, struct manifest, points, points_fields),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct manifest, limits, limits_fields),
    CYAML_FIELD_SEQUENCE("tests", CYAML_FLAG_POINTER, struct manifest, tests, &test_schema, 1, MOST_ENTRIES),
    CYAML_FIELD_SEQUENCE_COUNT("schedules", CYAML_FLAG_POINTER, struct manifest, scenarios, scenarios_count,
                               &scenario_schema, 1, MOST_ENTRIES),
    CYAML_FIELD_SEQUENCE_COUNT("speedup", CYAML_FLAG_POINTER, struct manifest, measures, measures_count,
                               &measure_schema, 1, MOST_ENTRIES),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t manifest_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct manifest, manifest_fields),
};

/* ---- what libcyaml says and does ---- */

/* What libcyaml said when it refused a file: its first sentence and the innermost line of its backtrace. */
struct refusal {
    int line;
    char text[160];
};

/* Gathers libcyaml's messages, which come one line a call. */
static __attribute__((format(printf, 3, 0))) void hear(cyaml_log_t level, void *context, const char *format,
                                                       va_list arguments)
{
    struct refusal *refusal = context;
    char message[160];
    (void)level;
    vsnprintf(message, sizeof message, format, arguments);
    message[strcspn(message, "\n")] = '\0';
    const char *line = strstr(message, "(line: ");
    if (line && !refusal->line)
        refusal->line = (int)strtol(line + strlen("(line: "), NULL, 10);
    if (!line && !refusal->text[0] && !strstr(message, "Backtrace"))
        snprintf(refusal->text, sizeof refusal->text, "%s", message);
}

static cyaml_config_t configuration(struct refusal *refusal)
{
    return (cyaml_config_t){
        .log_fn = hear,
        .log_ctx = refusal,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

/* The manifest as libcyaml reads it. What yaml_text_check let pass is refused only for an alias, or for a
 * rule a version of libcyaml has of its own. */
static struct manifest *decode(const char *bytes, size_t length, struct yaml_fault *fault)
{
    struct refusal refusal = {0};
    const cyaml_config_t config = configuration(&refusal);
    cyaml_data_t *data = NULL;
    cyaml_err_t result = cyaml_load_data((const uint8_t *)bytes, length, &config, &manifest_schema, &data, NULL);
    if (result == CYAML_OK && data)
        return data;
    yaml_fault_set(fault, refusal.line ? refusal.line : 1, "%s%s%s", cyaml_strerror(result),
                   refusal.text[0] ? ": " : "", refusal.text);
    return NULL;
}

void manifest_free(struct manifest *manifest)
{
    if (!manifest)
        return;
    struct refusal refusal = {0};
    const cyaml_config_t config = configuration(&refusal);
    free(manifest->id);
    free(manifest->name);
    free(manifest->stem);
    free(manifest->directory);
    cyaml_free(&config, &manifest_schema, manifest, 0);
}

/* ---- loading ---- */

/* Sets id, name and stem from the last part of the absolute path. */
static bool take_name(struct manifest *manifest, struct yaml_fault *fault)
{
    const char *name = strrchr(manifest->directory, '/') + 1;
    const size_t length = strlen(name);
    if (strncmp(name, "lab", 3) != 0 || !isdigit((unsigned char)name[3]) || !isdigit((unsigned char)name[4]) ||
        name[5] != '_' || !islower((unsigned char)name[6]) ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return yaml_fault_set(fault, 1, "the directory of a lab must be named labNN_stem, not '%.60s'", name);
    manifest->id = text_copy(name, 5);
    manifest->name = text_copy(name, length);
    manifest->stem = text_copy(name + 6, length - 6);
    return true;
}

static char *read_text(const char *path, size_t *length, struct yaml_fault *fault)
{
    char *bytes = text_read_file(path, LARGEST_FILE, length);
    if (!bytes && errno == EFBIG)
        yaml_fault_set(fault, 1, "is larger than %d KiB, which no lab.yaml is", LARGEST_FILE / 1024);
    else if (!bytes)
        yaml_fault_set(fault, 1, "cannot read it: %s", strerror(errno));
    return bytes;
}

static struct manifest *parse(const char *directory, const char *bytes, size_t length, struct yaml_fault *fault)
{
    struct yaml_text *text = yaml_text_parse(bytes, length, fault);
    struct manifest *manifest = NULL;
    if (text && yaml_text_check(text, &manifest_schema, fault))
        manifest = decode(bytes, length, fault);
    if (manifest) {
        manifest->directory = realpath(directory, NULL);
        const bool found =
            manifest->directory || yaml_fault_set(fault, 1, "cannot find its directory: %s", strerror(errno));
        if (!found || !take_name(manifest, fault) || !manifest_check(manifest, text, fault)) {
            manifest_free(manifest);
            manifest = NULL;
        }
    }
    yaml_text_free(text);
    return manifest;
}

/* Numbers in a manifest have a decimal point whatever the caller's locale; the setting is per thread. */
static struct manifest *parse_with_point(const char *directory, const char *bytes, size_t length,
                                         struct yaml_fault *fault)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(plain);
    struct manifest *manifest = parse(directory, bytes, length, fault);
    uselocale(before);
    if (plain)
        freelocale(plain);
    return manifest;
}

struct manifest *manifest_load(const char *directory, char **error)
{
    struct yaml_fault fault = {.line = 1};
    struct manifest *manifest = NULL;
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    char *path = text_format("%.*s/lab.yaml", (int)length, directory);
    char *bytes = read_text(path, &length, &fault);
    if (bytes)
        manifest = parse_with_point(directory, bytes, length, &fault);
    if (!manifest) {
        char *message = text_format("%s:%d: %s", path, fault.line, fault.text);
        *error = text_clean(message);
        free(message);
    }
    free(bytes);
    free(path);
    return manifest;
}

const char *manifest_named_function(const struct manifest *manifest, const char *words)
{
    const char *named = NULL, *first = NULL;
    for (size_t i = 0; words != NULL && i < manifest->functions_count; i++) {
        const char *hit = text_find_word(words, manifest->functions[i]);
        if (hit != NULL && (first == NULL || hit < first)) {
            first = hit;
            named = manifest->functions[i];
        }
    }
    return named;
}
