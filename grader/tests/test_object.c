#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../object.h"

static char directory[] = "/tmp/lockstep-object-XXXXXX";
static char source[80], object_path[80];

static void compile(const char *text)
{
    char command[300];
    cr_assert_not_null(mkdtemp(directory));
    snprintf(source, sizeof source, "%s/a.c", directory);
    snprintf(object_path, sizeof object_path, "%s/a.o", directory);
    FILE *file = fopen(source, "w");
    fputs(text, file);
    fclose(file);
    snprintf(command, sizeof command, "gcc -fsanitize=thread -w -c %s -o %s", source, object_path);
    cr_assert_eq(system(command), 0);
}

static void remove_all(void)
{
    unlink(source);
    unlink(object_path);
    rmdir(directory);
}

Test(object, symbols, .fini = remove_all)
{
    struct object object;
    char *error;
    compile("#include <pthread.h>\n#include <stdatomic.h>\natomic_int n; static void hidden(void) {}\n"
            "int main(void) { hidden(); n++; return pthread_mutex_lock(0); }\n");
    cr_assert(object_read(&object, object_path, &error), "%s", error);
    cr_expect(object_defines(&object, "main"));
    cr_expect(object_defines(&object, "n"));
    cr_expect(!object_defines(&object, "hidden"), "static functions are not defined for others");
    cr_expect(object_uses(&object, "pthread_mutex_lock"));
    cr_expect(object_uses(&object, "__tsan_atomic*"), "atomics show in an instrumented object");
    cr_expect(!object_uses(&object, "thrd_*"));
    cr_expect(!object_uses(&object, "pthread_mutex"), "names are compared whole");
    object_release(&object);
}

Test(object, not_an_object, .fini = remove_all)
{
    struct object object;
    char *error = NULL;
    compile("int x;\n");
    cr_expect(!object_read(&object, source, &error));
    cr_expect_not_null(error);
    free(error);
    cr_expect(!object_read(&object, "/nonexistent.o", &error));
    free(error);
}
