#include "overlay.h"

#include <ctype.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"
#include "yaml_check.h"

enum { LARGEST_FILE = 64 * 1024, MOST_ENTRIES = 100 };

/* ---- the keys of hidden.yaml ---- */

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

static const cyaml_strval_t visibilities[] = {
    {"visible", VISIBLE},
    {"after_due_date", AFTER_DUE_DATE},
    {"after_published", AFTER_PUBLISHED},
    {"hidden", HIDDEN},
};

static const cyaml_schema_field_t overlay_fields[] = {
    CYAML_FIELD_ENUM("visibility", CYAML_FLAG_STRICT, struct overlay, visibility, visibilities,
                     CYAML_ARRAY_LEN(visibilities)),
    CYAML_FIELD_SEQUENCE("tests", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct overlay, tests, &test_schema, 1,
                         MOST_ENTRIES),
    CYAML_FIELD_SEQUENCE_COUNT("schedules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct overlay, scenarios,
                               scenarios_count, &scenario_schema, 1, MOST_ENTRIES),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t overlay_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct overlay, overlay_fields),
};

static const cyaml_config_t config = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS};

/* ---- checks ---- */

static bool is_identifier(const char *word)
{
    return *word != '\0' && !isdigit((unsigned char)*word) &&
           strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(word);
}

static bool is_function(const struct manifest *manifest, const char *name)
{
    for (unsigned i = 0; i < manifest->functions_count; i++)
        if (strcmp(manifest->functions[i], name) == 0)
            return true;
    return false;
}

/* What entries of both lists have in common. */
static bool check_entry(const struct manifest *manifest, int line, const char *name, int points, const char *function,
                        const char *why, struct yaml_fault *fault)
{
    if (!is_identifier(name))
        return yaml_fault_set(fault, line, "'name' must be a C name, not '%.60s'", name);
    if (points < 0 || points > 100)
        return yaml_fault_set(fault, line, "'points' must be 0 to 100, not %d", points);
    if (!is_function(manifest, function))
        return yaml_fault_set(fault, line, "function '%.60s' is not in 'functions' of lab.yaml", function);
    for (const char *c = why; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            return yaml_fault_set(fault, line, "'why' must be one line of text without control characters");
    return *why != '\0' || yaml_fault_set(fault, line, "'why' must be text, but it is empty");
}

static bool check_file(const struct overlay *overlay, unsigned entries, const char *name, struct yaml_fault *fault)
{
    char *path = text_join(overlay->directory, name);
    const bool there = access(path, R_OK) == 0;
    free(path);
    return entries == 0 || there || yaml_fault_set(fault, 1, "cannot read '%s', which is to stand beside it", name);
}

static bool check(const struct manifest *manifest, const struct yaml_text *text, struct overlay *overlay,
                  struct yaml_fault *fault)
{
    for (unsigned i = 0; i < overlay->tests_count; i++) {
        const struct manifest_test *test = &overlay->tests[i];
        if (!check_entry(manifest, yaml_text_line(text, "tests", (int)i, NULL), test->name, test->points,
                         test->function, test->why, fault))
            return false;
    }
    for (unsigned i = 0; i < overlay->scenarios_count; i++) {
        struct manifest_scenario *scenario = &overlay->scenarios[i];
        if (!check_entry(manifest, yaml_text_line(text, "schedules", (int)i, NULL), scenario->name, scenario->points,
                         scenario->function, scenario->why, fault))
            return false;
        if (scenario->schedules == 0)
            scenario->schedules = MANIFEST_SCHEDULES;
    }
    if (overlay_points(overlay) == 0)
        return yaml_fault_set(fault, 1, "its tests and schedules are worth no points");
    return check_file(overlay, overlay->tests_count, "tests.c", fault) &&
           check_file(overlay, overlay->scenarios_count, "scenarios.c", fault);
}

/* ---- loading ---- */

static struct overlay *parse(const struct manifest *manifest, const char *directory, const char *bytes, size_t length,
                             struct yaml_fault *fault)
{
    struct yaml_text *text = yaml_text_parse(bytes, length, fault);
    cyaml_data_t *data = NULL;
    struct overlay *overlay = NULL;
    if (text != NULL && yaml_text_check(text, &overlay_schema, fault)) {
        const cyaml_err_t result =
            cyaml_load_data((const uint8_t *)bytes, length, &config, &overlay_schema, &data, NULL);
        overlay = result == CYAML_OK ? data : NULL;
        if (overlay == NULL)
            yaml_fault_set(fault, 1, "%s", cyaml_strerror(result));
    }
    if (overlay != NULL) {
        overlay->directory = realpath(directory, NULL);
        if (overlay->directory == NULL || !check(manifest, text, overlay, fault)) {
            overlay_free(overlay);
            overlay = NULL;
        }
    }
    yaml_text_free(text);
    return overlay;
}

/* Reads DIRECTORY/hidden.yaml. A lab without one has no overlay. */
static bool load(const struct manifest *manifest, const char *directory, struct overlay **overlay, char **error)
{
    struct yaml_fault fault = {.line = 1};
    size_t length = 0;
    char *path = text_join(directory, "hidden.yaml");
    char *bytes = text_read_file(path, LARGEST_FILE, &length);
    const bool absent = bytes == NULL && (errno == ENOENT || errno == ENOTDIR);
    if (bytes == NULL && !absent)
        yaml_fault_set(&fault, 1, "cannot read it: %s", strerror(errno));
    if (bytes != NULL)
        *overlay = parse(manifest, directory, bytes, length, &fault);
    const bool ok = absent || *overlay != NULL;
    if (!ok)
        *error = text_format("%s:%d: %s", path, fault.line, fault.text);
    free(bytes);
    free(path);
    return ok;
}

bool overlay_load(const struct manifest *manifest, const char *directory, struct overlay **overlay, char **error)
{
    struct stat status;
    *overlay = NULL;
    if (directory != NULL && (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode))) {
        *error = text_format("--overlay '%s': it is no folder", directory);
        return false;
    }
    char *path = directory != NULL ? text_join(directory, manifest->name) : text_join(manifest->directory, "hidden");
    const bool ok = load(manifest, path, overlay, error);
    free(path);
    return ok;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay == NULL)
        return;
    free(overlay->directory);
    cyaml_free(&config, &overlay_schema, overlay, 0);
}

int overlay_points(const struct overlay *overlay)
{
    int points = 0;
    for (unsigned i = 0; overlay != NULL && i < overlay->tests_count; i++)
        points += overlay->tests[i].points;
    for (unsigned i = 0; overlay != NULL && i < overlay->scenarios_count; i++)
        points += overlay->scenarios[i].points;
    return points;
}
