/* Tests of contract.h: objects compiled here, and linked to files that define the same names. */
#include "../contract.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../directory.h"
#include "../object.h"
#include "../process.h"
#include "../sandbox.h"
#include "../text.h"

static char root[] = "/tmp/test_contract_XXXXXX";
static char *error;

static void begin(void)
{
    cr_assert_not_null(mkdtemp(root));
    char *bin = text_join(root, "bin");
    cr_assert_eq(mkdir(bin, 0755), 0);
    cr_assert_eq(chmod(root, 0755), 0);
    cr_assert(sandbox_hand_over(bin));
    free(bin);
}

static void end(void)
{
    free(error);
    directory_remove(root);
}

TestSuite(contract, .init = begin, .fini = end, .timeout = 60);

static int run(const char *first, const char *second, const char *third, const char *output)
{
    char *bin = text_join(root, "bin");
    const char *argv[] = {"gcc", "-w", "-g", "-o", output, first, second, third, NULL};
    const struct process_spec spec = {
        .argv = second != NULL ? argv : (const char *const[]){first, NULL}, .directory = bin, .deadline = 60};
    struct process_result result;
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_assert(result.end == PROCESS_EXITED, "%s", result.err);
    const int code = result.code;
    process_release(&result);
    free(bin);
    return code;
}

static char *compile(const char *name, const char *text)
{
    char *source = text_format("%s/bin/%s.c", root, name), *object = text_format("%s/bin/%s.o", root, name);
    cr_assert(text_write_file(source, text, strlen(text)));
    cr_assert_eq(run("-c", source, NULL, object), 0);
    cr_assert(sandbox_hand_over(object));
    free(source);
    return object;
}

static bool keep(const char *object)
{
    char *functions[] = {(char *)"counter_add"};
    const struct manifest manifest = {.functions = functions, .functions_count = 1};
    const struct kit kit = {.top = root, .harness = root};
    const struct workspace workspace = {.kit = &kit, .root = root, .cores = 1};
    return contract_keep(&manifest, &workspace, &object, 1, &error);
}

Test(contract, only_the_labs_functions_are_seen)
{
    struct object object;
    char *path = compile("handin", "int total; __attribute__((weak)) long write(void) { return total; }\n"
                                   "__attribute__((visibility(\"hidden\"))) void exit(int n) { for (;;) ; }\n"
                                   "__attribute__((symver(\"read@@GLIBC_2.2.5\"))) long mine(void) { return 1; }\n"
                                   "void receipt_write(void) __attribute__((alias(\"counter_add\")));\n"
                                   "void counter_add(void) { write(); }\n");
    cr_assert(keep(path), "%s", error);
    cr_assert(object_read(&object, path, &error), "%s", error);
    cr_expect_eq(object.defined_count, 1);
    cr_expect(object_defines(&object, "counter_add"));
    object_release(&object);
    free(path);
}

Test(contract, each_side_calls_its_own)
{
    char *handin = compile("handin", "int helper(void) { return 7; }\nint getpid(void) { return 1; }\n"
                                     "int counter_add(void) { return helper() + getpid(); }\n");
    char *driver =
        compile("driver", "int helper(void) { return 3; }\nint counter_add(void);\nint getpid(void);\n"
                          "int main(void) { return counter_add() == 8 && helper() == 3 && getpid() != 1; }\n");
    cr_assert(keep(handin), "%s", error);
    cr_assert_eq(run(handin, driver, NULL, "program"), 0, "they can be linked");
    char *program = text_join(root, "bin/program");
    cr_expect_eq(run(program, NULL, NULL, NULL), 1, "its names are its own, and libc's are libc's");
    free(program);
    free(driver);
    free(handin);
}

Test(contract, nothing_is_done_without_need)
{
    char *path =
        compile("handin", "static int helper(void) { return 7; }\nint counter_add(void) { return helper(); }\n");
    struct stat before, after;
    cr_assert_eq(stat(path, &before), 0);
    cr_assert(keep(path), "%s", error);
    cr_assert_eq(stat(path, &after), 0);
    cr_expect(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_ino == after.st_ino);
    free(path);
}

Test(contract, what_stays_global_is_an_error)
{
    char *path = compile("handin", "__attribute__((common)) int shared;\nint counter_add(void) { return shared; }\n");
    cr_assert(!keep(path));
    cr_expect_not_null(strstr(error, "does not make 'shared' local"), "%s", error);
    free(path);
}
