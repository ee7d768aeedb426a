#include "cgroup_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgroup_files.h"

enum { LINE_BYTES = 4096, ENABLE_ROUNDS = 8 };

static const char leaf[] = CGROUP_PREFIX "main";

/* The own group in the hierarchy of `controller` (empty: version 2) as /proc/self/cgroup names it; caller frees. */
static char *own_group(FILE *own, const char *controller)
{
    char line[LINE_BYTES];
    rewind(own);
    while (fgets(line, sizeof line, own) != NULL) {
        char *controllers = strchr(line, ':'), *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        *path++ = '\0';
        if (*controller == '\0' ? controllers[1] == '\0' : cgroup_has_word(controllers + 1, controller))
            return strdup(path);
    }
    return NULL;
}

/* Where the own group `group` is, if a line of mountinfo is about its hierarchy; caller frees. */
static char *group_on_mount(char *line, const char *group, const char *controller)
{
    char root[LINE_BYTES], point[LINE_BYTES], kind[64], options[LINE_BYTES], *path;
    const char *rest = strstr(line, " - ");
    if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 ||
        sscanf(rest, " - %63s %*s %4095s", kind, options) != 2)
        return NULL;
    if (*controller == '\0' ? strcmp(kind, "cgroup2") != 0
                            : strcmp(kind, "cgroup") != 0 || !cgroup_has_word(options, controller))
        return NULL;
    const size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, length) != 0 || (group[length] != '/' && group[length] != '\0') ||
        strstr(group, "/..") != NULL)
        return NULL; /* outside of what can be seen here */
    const char *below = strcmp(group + length, "/") == 0 ? "" : group + length;
    return asprintf(&path, "%s%s", point, below) < 0 ? NULL : path;
}

/* The directory of the own group; NULL if groups cannot be made in it. */
static char *find_base(FILE *own, FILE *mounts, const char *controller)
{
    char line[LINE_BYTES], *base = NULL, *group = own_group(own, controller);
    rewind(mounts);
    while (group != NULL && base == NULL && fgets(line, sizeof line, mounts) != NULL)
        base = group_on_mount(line, group, controller);
    free(group);
    const char *last = base != NULL ? strrchr(base, '/') : NULL;
    if (last != NULL && strcmp(last + 1, leaf) == 0)
        base[last - base] = '\0';
    if (base == NULL || access(base, W_OK) == 0)
        return base;
    free(base);
    return NULL;
}

/* Whether the group was handed to whoever runs us, to be divided at will. */
static bool delegated(const char *base)
{
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    const char *name = strrchr(base, '/') + 1;
    char value[2] = "", *type = cgroup_join(base, "cgroup.type"), *parent = cgroup_join(base, "../cgroup.procs");
    /* the top of what is mounted here, but not of the machine's hierarchy, which has no type */
    bool found = type != NULL && parent != NULL && access(type, F_OK) == 0 && access(parent, F_OK) != 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        found = found || (getxattr(base, marks[i], value, 1) == 1 && value[0] == '1');
    free(parent);
    free(type);
    return found || strncmp(name, CGROUP_PREFIX, strlen(CGROUP_PREFIX)) == 0;
}

static void move_to_leaf(const char *base)
{
    char text[CGROUP_FILE_BYTES], *rest = NULL, *inner = cgroup_join(base, leaf);
    if (inner != NULL && (mkdir(inner, 0755) == 0 || errno == EEXIST)) {
        cgroup_get_in(base, "cgroup.procs", text);
        for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
            cgroup_put(inner, "cgroup.procs", line);
    }
    free(inner);
}

/* Whether children of the version 2 group have controllers for memory and tasks. */
static bool enable_controllers(const char *base)
{
    char text[CGROUP_FILE_BYTES];
    cgroup_get_in(base, "cgroup.controllers", text);
    if (!cgroup_has_word(text, "memory") || !cgroup_has_word(text, "pids"))
        return false;
    for (int round = 0; round < ENABLE_ROUNDS; round++) {
        cgroup_get_in(base, "cgroup.subtree_control", text);
        if (cgroup_has_word(text, "memory") && cgroup_has_word(text, "pids"))
            return true;
        if (cgroup_put(base, "cgroup.subtree_control", "+memory +pids"))
            return true;
        if (!delegated(base))
            return false;
        move_to_leaf(base);
    }
    return false;
}

void cgroup_find(struct cgroup_place *place, const char *own, const char *mounts)
{
    static const char *const controllers[] = {[CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids"};
    FILE *groups = fopen(own, "re"), *mounted = fopen(mounts, "re");
    *place = (struct cgroup_place){0};
    if (groups != NULL && mounted != NULL) {
        place->base[CGROUP_V2] = find_base(groups, mounted, "");
        const bool complete = place->base[CGROUP_V2] != NULL && enable_controllers(place->base[CGROUP_V2]);
        for (int tree = CGROUP_MEMORY; !complete && tree <= CGROUP_PIDS; tree++)
            place->base[tree] = find_base(groups, mounted, controllers[tree]);
        if (place->base[CGROUP_V2] == NULL)
            place->base[CGROUP_CPU] = find_base(groups, mounted, "cpuacct");
    }
    if (mounted != NULL)
        fclose(mounted);
    if (groups != NULL)
        fclose(groups);
}

void cgroup_place_release(struct cgroup_place *place)
{
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        free(place->base[tree]);
    *place = (struct cgroup_place){0};
}

void cgroup_read_word(struct cgroup_place *place, const char *word)
{
    *place = (struct cgroup_place){0};
    for (int tree = 0; tree < CGROUP_TREES && *word != '\0'; tree++) {
        const size_t length = strcspn(word, "\n");
        place->base[tree] = length > 0 ? strndup(word, length) : NULL;
        word += length + (word[length] == '\n');
    }
}
