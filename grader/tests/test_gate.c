/* Tests of gate.h: objects compiled here, as the stage `build` compiles a hand-in. */
#include "../gate.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../gate_lines.h"
#include "../gate_names.h"
#include "../process.h"
#include "../symbol_groups.h"
#include "../text.h"

static char directory[] = "/tmp/test_gate_XXXXXX";
static struct stage_result result;

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void begin(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void end(void)
{
    result_release(&result);
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(gate, .init = begin, .fini = end, .timeout = 60);

static void run_compiler(const char *flag, const char *sanitize, const char *output)
{
    const char *argv[] = {"gcc", "-std=gnu17", "-w", "-O0", "-g", flag, sanitize, "counter.c", "-o", output, NULL};
    const struct process_spec spec = {.argv = argv, .directory = directory, .deadline = 60};
    struct process_result run;
    cr_assert(process_run(&spec, 1, 1, &run));
    cr_assert(run.end == PROCESS_EXITED && run.code == 0, "%s", run.err);
    process_release(&run);
}

/* Sends `text`, with what every hand-in needs in front, through the gate of a lab that allows threads. The text begins
 * on line 3. */
static void check(const char *text, bool sanitized)
{
    char *functions[] = {(char *)"counter_add"}, *symbols[] = {(char *)"pthread", (char *)"time"};
    const struct manifest manifest = {.id = (char *)"lab01",
                                      .name = (char *)"lab01_counter",
                                      .stem = (char *)"counter",
                                      .file = (char *)"counter.c",
                                      .functions = functions,
                                      .functions_count = 1,
                                      .symbols = symbols,
                                      .symbols_count = 2};
    char *harness = text_format("%s", getenv("LOCKSTEP_HELPERS"));
    const struct kit kit = {.harness = harness};
    const struct workspace workspace = {.kit = &kit, .handin_shown = (char *)"counter.c", .content = (char *)""};
    char *source = text_join(directory, "counter.c"), *object = text_join(directory, "counter.o");
    char *listing = text_join(directory, "counter.s"), *error = NULL;
    char *content = text_format("#include <stddef.h>\nvoid counter_add(void) {}\n%s\n", text);
    cr_assert(text_write_file(source, content, strlen(content)));
    run_compiler("-c", sanitized ? "-fsanitize=thread" : "-Wall", "counter.o");
    run_compiler("-S", sanitized ? "-fsanitize=thread" : "-Wall", "counter.s");
    const struct gate_object chosen = {.path = object, .listing = listing, .sanitized = sanitized};
    result = (struct stage_result){.name = "build", .max_score = 10};
    cr_expect(gate_check(&result, &manifest, &workspace, &chosen, 1, &error), "%s", error);
    free(content);
    free(listing);
    free(object);
    free(source);
    free(harness);
}

static void expect_pass(const char *text)
{
    for (int sanitized = 0; sanitized < 2; sanitized++) {
        check(text, sanitized);
        cr_expect_eq(result.findings_count, 0, "%s: %s", text,
                     result.findings_count > 0 ? result.findings[0].message : "");
        result_release(&result);
        result = (struct stage_result){0};
    }
}

/* The first finding is of `kind`, at `line`, costs all points, and says `word`. */
static void expect_refusal(const char *text, const char *kind, int line, const char *word)
{
    check(text, false);
    cr_assert_gt(result.findings_count, 0, "%s passes", text);
    const struct finding *finding = &result.findings[0];
    cr_expect_str_eq(finding->kind, kind, "%s", text);
    cr_expect_eq(finding->line, line, "%s: line %d", text, finding->line);
    cr_expect_eq(finding->cost, 10);
    cr_expect_not_null(strstr(finding->message, word), "%s", finding->message);
}

Test(gate, honest_code_passes)
{
    expect_pass(
        "#include <assert.h>\n#include <errno.h>\n#include <math.h>\n#include <pthread.h>\n#include <stdio.h>\n"
        "#include <stdlib.h>\n#include <string.h>\n#include <ctype.h>\n#include <time.h>\n"
        "int helper_without_static(int x) { assert(x); return x; }\nint global = 3; _Thread_local int mine;\n"
        "static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\nconst char *const words[] = {\"a\", \"b\"};\n"
        "void debug(const char *s) { printf(\"%d\\n\", errno); fprintf(stderr, \"%s\", s); perror(s); puts(s); "
        "fflush(stdout); char b[9]; snprintf(b, 9, \"%s\", strerror(toupper(*s))); sscanf(s, \"%s\", b); "
        "memset(b, 0, 9); if (isalpha(*s) || sqrt(strlen(s)) > 2) exit(1); abort(); }\n"
        "void work(void) { pthread_mutex_lock(&lock); nanosleep(&(struct timespec){0}, 0); sched_yield(); }");
}

Test(gate, tables_of_functions_pass)
{
    expect_pass("#include <stdlib.h>\nstatic void a(void) {}\nvoid (*const table[])(void) = {a, abort};\n"
                "static int less(const void *x, const void *y) { return x < y; }\n"
                "void sort(int *p, size_t n) { qsort(p, n, sizeof *p, less); }");
}

Test(gate, calls_outside_of_the_groups)
{
    expect_refusal("int fork(void);\nvoid f(void)\n{\n    fork();\n}", "call-not-allowed", 6, "pthread_create");
}

Test(gate, calls_of_programs)
{
    expect_refusal("int system(const char *);\nint f(void) { return system(\"true\"); }", "call-not-allowed", 4,
                   "starts no other programs");
}

Test(gate, calls_under_another_name)
{
    expect_refusal("int innocent(void) __asm__(\"fork\");\nint f(void) { return innocent(); }", "call-not-allowed", 4,
                   "fork may not be used");
}

Test(gate, an_address_is_a_call)
{
    expect_refusal("int fork(void);\nint (*p)(void) = fork;", "call-not-allowed", 0, "fork");
}

Test(gate, functions_of_the_harness)
{
    expect_refusal("const char *receipt_nonce(void);\nconst char *f(void) { return receipt_nonce(); }",
                   "call-not-allowed", 4, "receipt_nonce");
}

Test(gate, what_nobody_defines_is_left_to_the_linker)
{
    expect_pass("int counter_ad(void);\nint f(void) { return counter_ad(); }");
}

Test(gate, main_of_its_own)
{
    expect_refusal("int main(void)\n{\n    return 0;\n}", "main-defined", 3, "main()");
}

Test(gate, names_of_others_are_made_local_later)
{
    expect_pass("int x;\nlong write(int fd, const void *p, size_t n) { return n; }\n"
                "__attribute__((weak)) void *malloc(size_t n) { return 0; }\n"
                "void exit(int status) { for (;;) ; }\nint errno_of_mine, stdout, environ;\n"
                "void cr_assert_all(void) {}\nvoid receipt_write(void) __attribute__((alias(\"cr_assert_all\")));\n"
                "__attribute__((symver(\"read@@GLIBC_2.2.5\"))) long mine(void) { return 1; }\n"
                "__attribute__((visibility(\"protected\"))) int signal(int n) { return n; }");
}

Test(gate, names_that_the_compiler_calls)
{
    expect_refusal("void __tsan_read4(void *p) {}", "name-taken", 3, "the sanitizers");
    result_release(&result);
    expect_refusal("static __attribute__((used)) void __tsan_read4(void *p) {}", "name-taken", 3, "the sanitizers");
    result_release(&result);
    expect_refusal("static int __tsan_read4;\nint *f(void) { return &__tsan_read4; }", "name-taken", 3,
                   "the sanitizers");
}

Test(gate, what_cannot_be_made_local)
{
    expect_refusal("__attribute__((common)) int calls;", "name-taken", 3, "calls is one for the whole program");
    result_release(&result);
    expect_refusal("__asm__(\".globl u\\n.type u, @gnu_unique_object\\n.data\\nu: .long 1\\n.text\");", "name-taken", 0,
                   "u is one for the whole program");
}

Test(gate, constructors_also_with_a_sanitizer)
{
    expect_refusal("__attribute__((constructor)) void f(void) {}", "runs-unasked", 0, "constructor");
    result_release(&result);
    check("__attribute__((constructor)) void f(void) {}", true);
    cr_assert_eq(result.findings_count, 1);
    result_release(&result);
    check("__attribute__((constructor(99))) void f(void) {}", true);
    cr_assert_eq(result.findings_count, 1);
}

Test(gate, destructors_and_ifuncs)
{
    expect_refusal("__attribute__((destructor)) void f(void) {}", "runs-unasked", 0, "destructor");
    result_release(&result);
    expect_refusal("static void g(void) {}\nstatic void (*r(void))(void) { return g; }\n"
                   "void f(void) __attribute__((ifunc(\"r\")));",
                   "runs-unasked", 0, "ifunc");
}

Test(gate, sections)
{
    expect_refusal("__attribute__((section(\"cr_tst\"), used)) static int x = 1;", "section-not-allowed", 0, "cr_tst");
    result_release(&result);
    expect_refusal("__attribute__((section(\".text\"), used)) static const int x = 1;", "section-not-allowed", 0,
                   "run as code");
}

Test(gate, executable_stack)
{
    expect_refusal("void g(void (*)(void));\nvoid f(void) { int x = 0; void in(void) { x++; } g(in); }",
                   "section-not-allowed", 0, "function within");
}

Test(gate, text_that_looks_like_assembly_passes)
{
    expect_pass("#include <stdio.h>\nvoid f(void) { puts(\"\\n#APP\"); puts(\"\\t#APP\"); }");
}

Test(gate, assembly)
{
    expect_refusal("void f(void)\n{\n    __asm__ volatile(\"nop\");\n}", "assembly-not-allowed", 5, "assembly");
}

Test(gate, groups_know_variants_of_names)
{
    char *none[1] = {NULL};
    static const char *const base[] = {"printf",     "__printf_chk",    "__isoc99_sscanf",  "__isoc23_strtol",
                                       "strdup",     "__memcpy_chk",    "__errno_location", "__ctype_b_loc",
                                       "strerror_r", "__xpg_strerror_r", "__sysconf"};
    for (size_t i = 0; i < sizeof base / sizeof *base; i++)
        cr_expect(symbol_groups_allow(none, 0, base[i]), "%s", base[i]);
    char *files[] = {(char *)"files"};
    cr_expect(symbol_groups_allow(files, 1, "fopen64") && symbol_groups_allow(files, 1, "open"));
    /* what macros of the headers stand for */
    static const char *const of_pthread[] = {"__pthread_register_cancel", "__pthread_unregister_cancel",
                                             "__pthread_unwind_next", "__sched_cpucount"};
    char *pthread[] = {(char *)"pthread"}, *signals[] = {(char *)"signals"};
    for (size_t i = 0; i < sizeof of_pthread / sizeof *of_pthread; i++)
        cr_expect(symbol_groups_allow(pthread, 1, of_pthread[i]), "%s", of_pthread[i]);
    cr_expect(symbol_groups_allow(signals, 1, "__libc_current_sigrtmin") &&
              symbol_groups_allow(signals, 1, "__sysv_signal"));
    static const char *const never[] = {"dlsym",  "system",   "execve",  "ptrace",
                                        "atexit", "mprotect", "connect", "setuid"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        cr_expect_null(symbol_groups_of(never[i]), "%s", never[i]);
    cr_expect(symbol_groups_is_group("pthread") && !symbol_groups_is_group("base") && !symbol_groups_is_group("x"));
}
