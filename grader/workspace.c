#include "workspace.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cores.h"
#include "directory.h"
#include "sandbox.h"
#include "text.h"

enum { HANDIN_BYTES_MAX = 1 << 20, LAB_FILE_BYTES_MAX = 4 << 20 };

char *workspace_path(const struct workspace *workspace, const char *name)
{
    return text_join(workspace->root, name);
}

/* The path of the file handed in: `handin` itself, or the lab's file in the directory `handin`. */
static char *locate(const struct manifest *manifest, const char *handin)
{
    struct stat status;
    const bool directory = stat(handin, &status) == 0 && S_ISDIR(status.st_mode);
    return directory ? text_join(handin, manifest->file) : text_copy(handin, strlen(handin));
}

/* A file's name may hold line breaks, and what follows one stands at the start of a line. */
static char *make_line(const char *path)
{
    char *line = text_copy(path, strlen(path));
    for (char *c = line; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    return line;
}

/* Whether `path` is a symbolic link that leads out of its folder: its owner could have a file of the grader's user
 * shown that only the latter may read. */
static bool leads_away(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode))
        return false;
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? text_copy(path, (size_t)(slash - path) + 1) : text_format(".");
    char *real_folder = realpath(folder, NULL), *real = realpath(path, NULL);
    const size_t length = real_folder != NULL ? strlen(real_folder) : 0;
    const bool inside = real == NULL || (length > 0 && strncmp(real, real_folder, length) == 0 && real[length] == '/');
    free(real);
    free(real_folder);
    free(folder);
    return !inside;
}

/* Reads the hand-in. Returns an exit code; a file that is there but no C text sets workspace->problem. */
static int read_handin(struct workspace *workspace, char **error)
{
    struct stat status;
    const char *path = workspace->handin, *shown = workspace->handin_shown;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        *error = text_format("cannot grade '%s': it is not a file", shown);
        return EXIT_USAGE;
    }
    size_t length = 0;
    if (leads_away(path)) {
        workspace->problem = text_format("The file is a symbolic link to another folder: hand in the file itself.");
        workspace->content = text_copy("", 0);
        return EXIT_GRADED;
    }
    workspace->content = text_read_file(path, HANDIN_BYTES_MAX, &length);
    if (workspace->content == NULL && errno == EFBIG) {
        workspace->problem =
            text_format("The file is larger than 1 MiB (%lld bytes): this cannot be the source of this lab.",
                        (long long)status.st_size);
        workspace->content = text_copy("", 0);
        return EXIT_GRADED;
    }
    if (workspace->content == NULL) {
        *error = text_format("cannot read '%s': %s", shown, strerror(errno));
        return EXIT_USAGE;
    }
    if (strspn(workspace->content, " \t\r\n") == length)
        workspace->problem = text_format("The file is empty.");
    else if (strlen(workspace->content) != length)
        workspace->problem =
            text_format("The file is binary (it holds NUL bytes), not C source text: hand in the .c file, "
                        "not the compiled program, saved as UTF-8.");
    return EXIT_GRADED;
}

static bool make_directories(const struct workspace *workspace)
{
    static const char *const names[] = {"handin", "lab", "bin", "run"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = workspace_path(workspace, names[i]);
        const bool made = mkdir(path, 0755) == 0 && sandbox_hand_over(path);
        free(path);
        if (!made)
            return false;
    }
    return true;
}

static bool copy_file(const char *from, const char *to)
{
    size_t length = 0;
    char *content = text_read_file(from, LAB_FILE_BYTES_MAX, &length);
    const bool ok = content != NULL && text_write_file(to, content, length);
    free(content);
    return ok;
}

/* Copies the lab's headers and programs; neither the skeleton nor the student's file is among them. */
static bool copy_lab(const struct workspace *workspace, const struct manifest *manifest)
{
    static const char *const patterns[] = {"*.h", "tests.c", "scenarios.c", "race.c", "bench.c"};
    bool ok = true;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns && ok; i++) {
        glob_t found;
        char *pattern = text_join(manifest->directory, patterns[i]);
        if (glob(pattern, 0, NULL, &found) == 0) {
            for (size_t k = 0; k < found.gl_pathc && ok; k++) {
                char *name = text_format("lab%s", strrchr(found.gl_pathv[k], '/'));
                char *to = workspace_path(workspace, name);
                ok = copy_file(found.gl_pathv[k], to) && sandbox_hand_over(to);
                free(to);
                free(name);
            }
            globfree(&found);
        }
        free(pattern);
    }
    return ok;
}

/* Programs that stay are run by hand: then the harness's helper program is looked for beside them. */
static bool link_helper(const struct workspace *workspace)
{
    char *helper = text_join(workspace->kit->harness, "site"), *beside = workspace_path(workspace, "bin/site");
    const bool ok = !workspace->kept || symlink(helper, beside) == 0;
    free(helper);
    free(beside);
    return ok;
}

static bool fill(const struct workspace *workspace, const struct manifest *manifest)
{
    char *name = text_join("handin", manifest->file);
    char *path = workspace_path(workspace, name);
    const bool ok = make_directories(workspace) && copy_lab(workspace, manifest) && link_helper(workspace) &&
                    text_write_file(path, workspace->content, strlen(workspace->content)) && sandbox_hand_over(path);
    free(path);
    free(name);
    return ok;
}

static bool same_as_file(const char *content, const char *path)
{
    char *other = text_read_file(path, HANDIN_BYTES_MAX, NULL);
    const bool same = other != NULL && strcmp(content, other) == 0;
    free(other);
    return same;
}

static void compare_with_lab(struct workspace *workspace, const struct manifest *manifest)
{
    char *skeleton = text_join(manifest->directory, "skeleton.c");
    char *own = text_join(manifest->directory, manifest->file);
    char *real_own = realpath(own, NULL), *real_handin = realpath(workspace->handin, NULL);
    workspace->untouched = same_as_file(workspace->content, skeleton);
    workspace->foreign = real_own == NULL || real_handin == NULL || strcmp(real_own, real_handin) != 0;
    free(real_own);
    free(real_handin);
    free(own);
    free(skeleton);
}

static bool make_root(struct workspace *workspace, const char *keep)
{
    if (keep != NULL) {
        char *real = mkdir(keep, 0755) == 0 ? realpath(keep, NULL) : NULL;
        workspace->root = real;
        workspace->kept = real != NULL;
        return real != NULL;
    }
    workspace->root = text_format("%s/lockstep-XXXXXX", directory_parent());
    if (mkdtemp(workspace->root) != NULL)
        return true;
    free(workspace->root);
    workspace->root = NULL;
    return false;
}

int workspace_create(struct workspace *workspace, const struct kit *kit, const struct manifest *manifest,
                     const char *handin, const char *keep, char **error)
{
    *workspace = (struct workspace){.kit = kit, .cores = cores_allowed(), .seed = 1};
    *error = NULL;
    workspace->handin = locate(manifest, handin);
    workspace->handin_shown = make_line(workspace->handin);
    const int code = read_handin(workspace, error);
    if (code != EXIT_GRADED) {
        workspace_remove(workspace);
        return code;
    }
    compare_with_lab(workspace, manifest);
    if (make_root(workspace, keep) && fill(workspace, manifest))
        return EXIT_GRADED;
    *error = text_format("cannot make the working directory '%s': %s (is the disk full?)",
                         keep != NULL              ? keep
                         : workspace->root != NULL ? workspace->root
                                                   : "lockstep-XXXXXX",
                         strerror(errno));
    workspace_remove(workspace);
    return EXIT_GRADER_ERROR;
}

void workspace_remove(struct workspace *workspace)
{
    if (workspace->root != NULL && !workspace->kept)
        directory_remove(workspace->root);
    free(workspace->root);
    free(workspace->handin);
    free(workspace->handin_shown);
    free(workspace->content);
    free(workspace->problem);
    *workspace = (struct workspace){0};
}

char *workspace_shown(const struct workspace *workspace, const struct manifest *manifest, const char *text)
{
    char *own = text_format("%s/handin/%s", workspace->root, manifest->file);
    char *lab = text_format("%s/", workspace->root);
    char *first = text_replace(text, own, manifest->file);
    char *second = text_replace(first, lab, "");
    char *clean = text_clean(second);
    free(own);
    free(lab);
    free(first);
    free(second);
    return clean;
}

/* `text` as one word of a shell command: quoted if it holds anything but harmless characters (POSIX, 2.2.2). */
static char *shell_word(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=,:@%";
    if (strspn(text, safe) == strlen(text))
        return text_copy(text, strlen(text));
    char *escaped = text_replace(text, "'", "'\\''");
    char *word = text_format("'%s'", escaped);
    free(escaped);
    return word;
}

char *workspace_command(const struct workspace *workspace, const struct manifest *manifest, const char *goal,
                        const char *extra)
{
    char *word = shell_word(workspace->handin_shown);
    char *command = text_format("make %s%s%s%s%s%s%s", goal != NULL ? goal : manifest->id, goal != NULL ? " LAB=" : "",
                                goal != NULL ? manifest->id : "", workspace->foreign ? " FILE=" : "",
                                workspace->foreign ? word : "", extra != NULL ? " " : "", extra != NULL ? extra : "");
    free(word);
    return command;
}
