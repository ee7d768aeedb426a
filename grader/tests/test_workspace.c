#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kit.h"
#include "../manifest.h"
#include "../text.h"
#include "../workspace.h"

static char directory[] = "/tmp/lockstep-workspace-XXXXXX";
static struct kit kit;
static struct manifest manifest = {
    .id = (char[]){"lab99"}, .name = (char[]){"lab99_thing"}, .stem = (char[]){"thing"}, .file = (char[]){"thing.c"}};

static char *put(const char *name, const char *content)
{
    char *path = text_join(directory, name);
    cr_assert(text_write_file(path, content, strlen(content)));
    return path;
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory));
    manifest.directory = directory;
    setenv("TMPDIR", directory, 1);
    free(put("thing.h", "/* contract */\n"));
    free(put("tests.c", "/* tests */\n"));
    free(put("skeleton.c", "/* TODO */\n"));
    free(put("thing.c", "/* mine */\n"));
}

static void remove_all(void)
{
    char *command = text_format("rm -rf %s", directory);
    cr_expect_eq(system(command), 0);
    free(command);
}

static bool has(const struct workspace *workspace, const char *name)
{
    char *path = workspace_path(workspace, name);
    const bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

Test(workspace, holds_the_lab_and_the_hand_in_and_nothing_else, .init = set_up, .fini = remove_all)
{
    struct workspace workspace;
    char *error = NULL, *handin = put("other.c", "/* hers */\n");
    cr_assert_eq(workspace_create(&workspace, &kit, &manifest, handin, NULL, &error), EXIT_GRADED, "%s", error);
    cr_expect(has(&workspace, "handin/thing.c"));
    cr_expect(has(&workspace, "lab/thing.h") && has(&workspace, "lab/tests.c"));
    cr_expect(!has(&workspace, "lab/thing.c") && !has(&workspace, "lab/skeleton.c"), "the lab's own hand-in stays out");
    cr_expect_str_eq(workspace.content, "/* hers */\n");
    cr_expect(workspace.foreign && !workspace.untouched);
    cr_expect_null(workspace.problem);
    char *root = text_format("%s", workspace.root);
    workspace_remove(&workspace);
    cr_expect_neq(access(root, F_OK), 0, "the directory is gone");
    free(root);
    free(handin);
}

Test(workspace, removes_what_a_program_made_unreadable, .init = set_up, .fini = remove_all)
{
    struct workspace workspace;
    char *error = NULL, *handin = put("other.c", "x\n");
    cr_assert_eq(workspace_create(&workspace, &kit, &manifest, handin, NULL, &error), EXIT_GRADED);
    char *closed = workspace_path(&workspace, "run/closed"), *inside = workspace_path(&workspace, "run/closed/file");
    mkdir(closed, 0700);
    cr_assert(text_write_file(inside, "x", 1));
    chmod(closed, 0);
    char *root = text_format("%s", workspace.root);
    workspace_remove(&workspace);
    cr_expect_neq(access(root, F_OK), 0);
    free(root);
    free(closed);
    free(inside);
    free(handin);
}

Test(workspace, tells_the_skeleton, .init = set_up, .fini = remove_all)
{
    struct workspace workspace;
    char *error = NULL, *handin = put("thing.c", "/* TODO */\n");
    cr_assert_eq(workspace_create(&workspace, &kit, &manifest, handin, NULL, &error), EXIT_GRADED);
    cr_expect(workspace.untouched && !workspace.foreign);
    workspace_remove(&workspace);
    free(handin);
}

Test(workspace, commands_quote_the_file_name, .init = set_up, .fini = remove_all)
{
    struct workspace workspace;
    char *error = NULL, *handin = put("it's; rm.c", "x\n");
    cr_assert_eq(workspace_create(&workspace, &kit, &manifest, handin, NULL, &error), EXIT_GRADED);
    char *command = workspace_command(&workspace, &manifest, "keep", NULL);
    char *wanted = text_format("make keep LAB=lab99 FILE='%s/it'\\''s; rm.c'", directory);
    cr_expect_str_eq(command, wanted);
    free(wanted);
    free(command);
    workspace_remove(&workspace);
    free(handin);
}

Test(workspace, a_file_name_is_shown_in_one_line, .init = set_up, .fini = remove_all)
{
    struct workspace workspace;
    char *error = NULL, *handin = put("a\n::error::\033[2J.c", "x\n");
    cr_assert_eq(workspace_create(&workspace, &kit, &manifest, handin, NULL, &error), EXIT_GRADED);
    char *command = workspace_command(&workspace, &manifest, "keep", NULL);
    cr_expect_str_eq(workspace.handin, handin);
    cr_expect_not_null(strstr(workspace.handin_shown, "/a?::error::?[2J.c"), "%s", workspace.handin_shown);
    cr_expect_null(strpbrk(command, "\n\033"), "%s", command);
    free(command);
    workspace_remove(&workspace);
    free(handin);
}

Test(workspace, shows_no_path_of_its_own, .init = set_up, .fini = remove_all)
{
    struct workspace workspace;
    char *error = NULL, *handin = put("other.c", "x\n");
    cr_assert_eq(workspace_create(&workspace, &kit, &manifest, handin, NULL, &error), EXIT_GRADED);
    char *raw =
        text_format("%s/handin/thing.c:3: \033[1merror\033[0m in %s/lab/tests.c", workspace.root, workspace.root);
    char *shown = workspace_shown(&workspace, &manifest, raw);
    cr_expect_str_eq(shown, "thing.c:3: error in lab/tests.c");
    free(shown);
    free(raw);
    workspace_remove(&workspace);
    free(handin);
}
