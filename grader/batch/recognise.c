#include "recognise.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text.h"
#include "names.h"

static const char *const archive_endings[] = {".zip",     ".tar.gz",  ".tgz", ".tar", ".tar.xz",
                                              ".tar.bz2", ".tar.zst", ".7z",  NULL};
static const char *const source_endings[] = {".c", NULL};

/* The length of `name` without one of the endings (case ignored); 0 if it has none, or nothing before it. */
static size_t stem_length(const char *name, const char *const *endings)
{
    const size_t length = strlen(name);
    for (; *endings != NULL; endings++) {
        const size_t ending = strlen(*endings);
        if (length > ending && strcasecmp(name + length - ending, *endings) == 0)
            return length - ending;
    }
    return 0;
}

bool recognise_is_archive(const char *name)
{
    return stem_length(name, archive_endings) > 0;
}

bool recognise_is_source(const char *name)
{
    return stem_length(name, source_endings) > 0;
}

void who_release(struct who *who)
{
    free(who->key);
    free(who->name);
    free(who->lms_id);
    free(who->original);
    *who = (struct who){0};
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Canvas writes a second attempt of counter.c as counter-1.c: takes the number off. */
static int take_attempt(char *name)
{
    const size_t stem = stem_length(name, source_endings);
    size_t dash = stem;
    while (dash > 0 && isdigit((unsigned char)name[dash - 1]))
        dash--;
    if (dash < 2 || dash == stem || stem - dash > 4 || name[dash - 1] != '-')
        return 0;
    const int attempt = atoi(name + dash);
    memmove(name + dash - 1, name + stem, strlen(name + stem) + 1);
    return attempt;
}

/* The length of [LATE_]ID_ATTACHMENT_ at `text`, with where the id stands; 0 if that is not there. */
static size_t canvas_ids(const char *text, bool anonymous, bool *late, const char **id, size_t *id_length)
{
    const char *at = text;
    *late = strncmp(at, "LATE_", 5) == 0;
    at += *late ? 5 : 0;
    *id = at;
    *id_length = digits(at);
    while (anonymous && isalnum((unsigned char)at[*id_length]))
        ++*id_length;
    at += *id_length;
    if (*id_length == 0 || *at != '_' || digits(at + 1) == 0)
        return 0;
    at += 1 + digits(at + 1);
    return *at == '_' && at[1] != '\0' && at[1] != '/' ? (size_t)(at + 1 - text) : 0;
}

/* An attempt's number stands in the name of what was uploaded, which may be an archive. */
static void canvas_original(const char *uploaded, const char *path, struct who *who)
{
    char *name = text_copy(uploaded, strcspn(uploaded, "/"));
    who->attempt = take_attempt(name);
    if (strchr(path, '/') != NULL) {
        free(name);
        name = text_format("%s", last_part(path));
    }
    who->original = name;
}

static const char *as_canvas(const char *path, const struct manifest *manifest, struct who *who)
{
    const bool anonymous = strncmp(path, "anon_", 5) == 0;
    (void)manifest;
    for (const char *c = path; *c != '\0' && *c != '/'; c++) {
        const char *id;
        size_t id_length, length;
        bool late;
        if (*c != '_' || c == path || (length = canvas_ids(c + 1, anonymous, &late, &id, &id_length)) == 0)
            continue;
        char *sortname = text_copy(path, (size_t)(c - path));
        who->key = text_copy(id, id_length);
        who->lms_id = text_copy(id, id_length);
        who->name = anonymous ? text_format("anonymous %s", who->key) : names_tidy(sortname);
        who->late = late;
        who->knows_late = true;
        canvas_original(c + 1 + length, path, who);
        free(sortname);
        return NULL;
    }
    return "";
}

static const char *as_moodle(const char *path, const struct manifest *manifest, struct who *who)
{
    static const char mark[] = "_assignsubmission_";
    const char *at = strstr(path, mark), *id = at;
    (void)manifest;
    if (at == NULL || memchr(path, '/', (size_t)(at - path)) != NULL)
        return "";
    while (id > path && isdigit((unsigned char)id[-1]))
        id--;
    const char *kind = at + strlen(mark);
    if (id == at || id < path + 2 || id[-1] != '_')
        return "";
    if (strncmp(kind, "onlinetext", 10) == 0)
        return "text typed into Moodle, not a file";
    if (strncmp(kind, "file", 4) != 0 || (kind[4] != '_' && kind[4] != '/'))
        return "";
    char *name = text_copy(path, (size_t)(id - 1 - path));
    who->name = names_tidy(name);
    who->key = names_tidy(name);
    who->lms_id = text_copy(id, (size_t)(at - id));
    who->original = text_format("%s", strchr(path, '/') != NULL ? last_part(path) : kind + 5);
    free(name);
    return NULL;
}

/* The student is the first part of the path, without an archive's ending. */
static void named_by_first_part(const char *path, const char *const *endings, struct who *who)
{
    char *part = text_copy(path, strcspn(path, "/"));
    const size_t stem = stem_length(part, endings);
    if (stem > 0)
        part[stem] = '\0';
    who->key = names_tidy(part);
    who->name = names_tidy(part);
    who->original = text_format("%s", last_part(path));
    free(part);
}

static const char *as_clone(const char *path, const struct manifest *manifest, struct who *who)
{
    char *tail = text_format("/labs/%s/%s", manifest->name, manifest->file);
    const size_t length = strlen(path), wanted = strlen(tail);
    const bool same = length > wanted && strcmp(path + length - wanted, tail) == 0;
    const bool inside = strstr(path, "/solutions/") != NULL || strstr(path, "/labs/") != NULL;
    free(tail);
    if (!same)
        return inside && strcasecmp(last_part(path), manifest->file) == 0 ? "in a clone, not this lab's file" : "";
    named_by_first_part(path, archive_endings, who);
    who->timeless = true;
    who->preference = 1000;
    return NULL;
}

static const char *as_folder(const char *path, const struct manifest *manifest, struct who *who)
{
    (void)manifest;
    if (strchr(path, '/') == NULL)
        return "";
    named_by_first_part(path, archive_endings, who);
    return NULL;
}

static const char *as_file(const char *path, const struct manifest *manifest, struct who *who)
{
    if (strchr(path, '/') != NULL)
        return "";
    if (strcasecmp(path, manifest->file) == 0)
        return "it does not say whose it is: name it after the student, or put it into a folder with that name";
    named_by_first_part(path, source_endings, who);
    free(who->original);
    who->original = text_format("%s", manifest->file);
    return NULL;
}

/* A recogniser fills `who` and returns NULL, or says why such a file is none, or "" if the path is not of its kind. */
static const struct {
    const char *name;
    const char *(*fits)(const char *path, const struct manifest *manifest, struct who *who);
} recognisers[] = {
    {"canvas", as_canvas}, {"moodle", as_moodle}, {"clone", as_clone}, {"folder", as_folder}, {"file", as_file},
};

const char *recognise(const char *path, const struct manifest *manifest, struct who *who)
{
    for (size_t i = 0; i < sizeof recognisers / sizeof *recognisers; i++) {
        *who = (struct who){.recogniser = recognisers[i].name};
        const char *why = recognisers[i].fits(path, manifest, who);
        if (why == NULL && who->key[0] == '\0') {
            who_release(who);
            return "the name before it is empty";
        }
        if (why == NULL || why[0] != '\0')
            return why;
    }
    return "not recognised";
}
