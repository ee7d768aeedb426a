#include "kit.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static char *executable_directory(void)
{
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
    return text_copy(path, strlen(path));
}

static bool exists_below(const char *directory, const char *name)
{
    char *path = text_join(directory, name);
    const bool exists = access(path, F_OK) == 0;
    free(path);
    return exists;
}

/* The nearest directory at or above `start` that looks like the top of the kit. */
static char *find_top(const char *start)
{
    char *top = text_copy(start, strlen(start));
    for (char *slash; (slash = strrchr(top, '/')) != NULL; *slash = '\0')
        if (exists_below(top, "labs") && exists_below(top, "harness/bench.h"))
            return top;
    free(top);
    return NULL;
}

bool kit_find(struct kit *kit, char **error)
{
    char *own = executable_directory();
    const char *named = getenv("LOCKSTEP_ROOT");
    char *real = named != NULL ? realpath(named, NULL) : NULL;
    *kit = (struct kit){.top = find_top(real != NULL ? real : own), .harness = text_join(own, "harness")};
    free(real);
    free(own);
    *error = NULL;
    if (kit->top == NULL)
        *error =
            text_format("cannot find the folder with labs/ and harness/: run build/grader from a copy of Lockstep, "
                        "or set LOCKSTEP_ROOT");
    else if (!exists_below(kit->harness, "libharness.a"))
        *error = text_format("cannot find '%s/libharness.a': run make first", kit->harness);
    if (*error != NULL)
        kit_release(kit);
    return *error == NULL;
}

void kit_release(struct kit *kit)
{
    free(kit->top);
    free(kit->harness);
    *kit = (struct kit){0};
}

char **kit_labs(const struct kit *kit)
{
    glob_t found;
    char *pattern = text_join(kit->top, "labs/lab[0-9][0-9]_*/lab.yaml");
    const int failed = glob(pattern, 0, NULL, &found);
    const size_t count = failed == 0 ? found.gl_pathc : 0;
    char **labs = text_allocate(count + 1, sizeof *labs);
    for (size_t i = 0; i < count; i++)
        labs[i] = text_copy(found.gl_pathv[i], (size_t)(strrchr(found.gl_pathv[i], '/') - found.gl_pathv[i]));
    if (failed == 0)
        globfree(&found);
    free(pattern);
    return labs;
}

char *kit_lab(const struct kit *kit, const char *lab)
{
    char **labs = kit_labs(kit);
    char *match = NULL;
    const size_t length = strlen(lab);
    for (size_t i = 0; labs[i] != NULL; i++) {
        const char *name = strrchr(labs[i], '/') + 1;
        const bool same =
            strncmp(name, lab, length) == 0 && (name[length] == '\0' || name[length] == '_') && length >= 5;
        if (same && match == NULL)
            match = labs[i];
        else
            free(labs[i]);
    }
    free(labs);
    return match;
}
