/* Tests of stacks.h: a helper program compiled here is looked at where it is known to stand. */
#include "../stacks.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60 }; /* seconds: far more than anything here takes */

static char directory[] = "/tmp/test_stacks_XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
}

static void remove_directory(void)
{
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(stacks, .init = make_directory, .fini = remove_directory, .timeout = 3 * PATIENCE);

/* The tests know its lines by their marks, the comments at their ends. Each mode says on stdout that it is there, and
 * ends when it reads the end of stdin. */
static const char helper_source[] =
    "#define _GNU_SOURCE\n"
    "#include <pthread.h>\n"
    "#include <semaphore.h>\n"
    "#include <stdint.h>\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "#include <time.h>\n"
    "#include <unistd.h>\n"
    "extern const char __executable_start[];\n"
    "int declared_only(int n);\n"
    "int defined_here(int n);\n"
    "static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\n"
    "static sem_t sem;\n"
    "static void *wait_for_lock(void *unused)\n"
    "{\n"
    "    pthread_mutex_lock(&lock); /* in lock */\n"
    "    pthread_mutex_unlock(&lock);\n"
    "    return unused;\n"
    "}\n"
    "static void wait_for_semaphore(void)\n"
    "{\n"
    "    while (sem_wait(&sem) != 0) continue; /* in semaphore */\n"
    "}\n"
    "static void *call_wait(void *unused)\n"
    "{\n"
    "    wait_for_semaphore(); /* in call */\n"
    "    return unused;\n"
    "}\n"
    "static void wait_for_input(void)\n"
    "{\n"
    "    char byte;\n"
    "    if (write(1, \"r\", 1) != 1) exit(2);\n"
    "    if (read(0, &byte, 1) != 0) exit(3); /* in read */\n"
    "}\n"
    "static void threads(void)\n"
    "{\n"
    "    pthread_t first, second;\n"
    "    pthread_mutex_lock(&lock);\n"
    "    sem_init(&sem, 0, 0);\n"
    "    pthread_create(&first, NULL, wait_for_lock, NULL);\n"
    "    pthread_create(&second, NULL, call_wait, NULL);\n"
    "    wait_for_input(); /* in threads */\n"
    "    pthread_mutex_unlock(&lock);\n"
    "    sem_post(&sem);\n"
    "    pthread_join(first, NULL);\n"
    "    pthread_join(second, NULL);\n"
    "}\n"
    "__attribute__((noreturn)) static void never_return(void)\n"
    "{\n"
    "    wait_for_input(); /* in never_return */\n"
    "    exit(0);\n"
    "}\n"
    /* the call is its last instruction: the return address belongs to the next function */
    "__attribute__((noreturn)) static void call_at_end(void)\n"
    "{\n"
    "    never_return(); /* at end */\n"
    "}\n"
    "static void after_end(void) {}\n"
    "static int deep(int depth)\n"
    "{\n"
    "    if (depth == 0) wait_for_input();\n"
    "    return depth == 0 ? 0 : 1 + deep(depth - 1);\n"
    "}\n"
    "static void sleeper(void)\n"
    "{\n"
    "    if (fork() == 0) for (;;) sleep(1000); /* in sleep */\n"
    "    wait_for_input();\n"
    "}\n"
    "static void hang_in_vfork(void)\n"
    "{\n"
    "    if (vfork() == 0) {\n"
    "        wait_for_input();\n"
    "        _exit(0);\n"
    "    }\n"
    "}\n"
    "__attribute__((noinline)) static void print_addresses(void)\n"
    "{\n"
    "    printf(\"%lx %lx\\n\", (unsigned long)((char *)(uintptr_t)after_end - __executable_start),\n"
    "           (unsigned long)((char *)__builtin_return_address(0) - __executable_start));\n"
    "}\n"
    "static void addresses(void)\n"
    "{\n"
    "    print_addresses(); /* in addresses */\n"
    "}\n"
    "int defined_here(int n) /* defined */\n"
    "{\n"
    "    return n;\n"
    "}\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "    if (argc != 2) return 1;\n"
    "    if (strcmp(argv[1], \"threads\") == 0) threads(); /* in main */\n"
    "    if (strcmp(argv[1], \"end\") == 0) call_at_end();\n"
    "    if (strcmp(argv[1], \"deep\") == 0) deep(100);\n"
    "    if (strcmp(argv[1], \"sleeper\") == 0) sleeper();\n"
    "    if (strcmp(argv[1], \"vfork\") == 0) hang_in_vfork();\n"
    "    if (strcmp(argv[1], \"addresses\") == 0) addresses();\n"
    "    after_end();\n"
    "    return 0;\n"
    "}\n";

/* The number of the helper's line that ends with the comment `mark`. */
static int line_of(const char *mark)
{
    char comment[64];
    int line = 1;
    snprintf(comment, sizeof comment, "/* %s */", mark);
    const char *place = strstr(helper_source, comment);
    cr_assert_not_null(place, "no line is marked '%s'", mark);
    for (const char *p = helper_source; p < place; p++)
        line += *p == '\n';
    return line;
}

/* Compiles the helper to `output` in the current directory. */
static void make_helper(const char *options, const char *output)
{
    char command[256];
    FILE *file = fopen("helper.c", "we");
    cr_assert_not_null(file);
    fputs(helper_source, file);
    cr_assert_eq(fclose(file), 0);
    snprintf(command, sizeof command, "cc -g -O0 -pthread %s -o %s helper.c", options, output);
    cr_assert_eq(system(command), 0, "cannot compile the helper");
}

struct helper {
    pid_t pid;
    int input;
};

/* Starts ./helper and waits until it says that it is there. */
static struct helper start_helper(const char *mode)
{
    int in[2], out[2];
    char byte;
    cr_assert(pipe(in) == 0 && pipe(out) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        dup2(in[0], 0);
        dup2(out[1], 1);
        closefrom(3);
        execl("./helper", "helper", mode, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    cr_assert_eq(read(out[0], &byte, 1), 1, "the helper does not start");
    close(out[0]);
    return (struct helper){.pid = pid, .input = in[1]};
}

static void kill_helper(const struct helper *helper)
{
    kill(-helper->pid, SIGKILL);
    waitpid(helper->pid, NULL, 0);
}

/* Lets it go on and checks that it ends well, which a stopped one would not. */
static void finish_helper(const struct helper *helper)
{
    int status;
    close(helper->input);
    cr_assert_eq(waitpid(helper->pid, &status, 0), helper->pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %d", status);
}

static const struct stack_frame *find_frame(const struct stack *stack, const char *function)
{
    for (size_t i = 0; i < stack->count; i++)
        if (stack->frames[i].function != NULL && strcmp(stack->frames[i].function, function) == 0)
            return &stack->frames[i];
    return NULL;
}

static const struct stack *find_stack(const struct stacks *stacks, const char *function)
{
    for (size_t i = 0; i < stacks->count; i++)
        if (find_frame(&stacks->items[i], function) != NULL)
            return &stacks->items[i];
    return NULL;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
}

struct place {
    const char *function, *mark;
};

/* Whether a thread stands in a call made at the line. */
static bool is_reached(const struct stacks *stacks, const struct place *place)
{
    const struct stack *stack = find_stack(stacks, place->function);
    if (stack == NULL)
        return false;
    const struct stack_frame *frame = find_frame(stack, place->function);
    return frame != &stack->frames[0] && frame->line == line_of(place->mark);
}

/* Looks again and again until all `places` (ended by one without function) have been reached. */
static struct stacks look_until(pid_t root, const struct place *places)
{
    const time_t end = time(NULL) + PATIENCE;
    for (;;) {
        struct stacks stacks = stacks_of_tree(root);
        size_t reached = 0;
        while (places[reached].function != NULL && is_reached(&stacks, &places[reached]))
            reached++;
        if (places[reached].function == NULL)
            return stacks;
        cr_assert_lt(time(NULL), end, "nobody is in %s %s", places[reached].function, places[reached].mark);
        stacks_release(&stacks);
        nap();
    }
}

static const struct place three_threads[] = {
    {"wait_for_lock", "in lock"}, {"wait_for_semaphore", "in semaphore"}, {"wait_for_input", "in read"}, {NULL, NULL}};
static const struct place one_thread[] = {{"wait_for_input", "in read"}, {NULL, NULL}};

static void expect_frame(const struct stack *stack, const char *function, const char *mark)
{
    const struct stack_frame *frame = find_frame(stack, function);
    cr_assert_not_null(frame, "no frame of %s", function);
    cr_assert_not_null(frame->file);
    cr_assert_str_eq(strrchr(frame->file, '/') != NULL ? strrchr(frame->file, '/') + 1 : frame->file, "helper.c");
    cr_assert_eq(frame->line, line_of(mark), "%s: expected line %d, got %d", function, line_of(mark), frame->line);
}

/* Three threads in three kinds of wait, and their callers. */
static void check_threads(const char *options)
{
    make_helper(options, "helper");
    const struct helper helper = start_helper("threads");
    struct stacks stacks = look_until(helper.pid, three_threads);
    cr_assert_eq(stacks.count, 3, "3 threads, %zu stacks", stacks.count);
    expect_frame(find_stack(&stacks, "wait_for_lock"), "wait_for_lock", "in lock");
    const struct stack *second = find_stack(&stacks, "wait_for_semaphore");
    expect_frame(second, "wait_for_semaphore", "in semaphore");
    expect_frame(second, "call_wait", "in call");
    cr_assert_lt(find_frame(second, "wait_for_semaphore"), find_frame(second, "call_wait"), "innermost first");
    const struct stack *first = find_stack(&stacks, "wait_for_input");
    expect_frame(first, "wait_for_input", "in read");
    expect_frame(first, "threads", "in threads");
    expect_frame(first, "main", "in main");
    cr_assert_eq(first->process, helper.pid);
    cr_assert_eq(first->thread, helper.pid);
    cr_assert_eq(second->process, helper.pid);
    cr_assert_neq(second->thread, helper.pid);
    stacks_release(&stacks);
    finish_helper(&helper);
}

Test(stacks, threads_of_a_position_independent_executable)
{
    check_threads("-fPIE -pie");
}

Test(stacks, threads_of_an_executable_with_fixed_addresses)
{
    check_threads("-fno-pie -no-pie");
}

Test(stacks, function_of_the_c_library)
{
    make_helper("", "helper");
    const struct helper helper = start_helper("end");
    struct stacks stacks = look_until(helper.pid, one_thread);
    const struct stack_frame *innermost = &stacks.items[0].frames[0];
    cr_assert_not_null(innermost->function);
    cr_assert_not_null(strstr(innermost->function, "read"), "in read(), not in %s", innermost->function);
    stacks_release(&stacks);
    finish_helper(&helper);
}

Test(stacks, call_at_the_end_of_a_function)
{
    make_helper("", "helper");
    const struct helper helper = start_helper("end");
    struct stacks stacks = look_until(helper.pid, one_thread);
    expect_frame(&stacks.items[0], "call_at_end", "at end");
    cr_assert_null(find_frame(&stacks.items[0], "after_end"));
    stacks_release(&stacks);
    finish_helper(&helper);
}

Test(stacks, deep_recursion_shows_the_innermost)
{
    make_helper("", "helper");
    const struct helper helper = start_helper("deep");
    struct stacks stacks = look_until(helper.pid, one_thread);
    cr_assert_eq(stacks.items[0].count, STACKS_FRAMES);
    cr_assert_str_eq(stacks.items[0].frames[STACKS_FRAMES - 1].function, "deep");
    stacks_release(&stacks);
    finish_helper(&helper);
}

static bool is_undisturbed(const char *status_path)
{
    char line[256];
    bool traced = true, stopped = true;
    FILE *file = fopen(status_path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "State:", 6) == 0)
            stopped = strpbrk(line + 6, "Tt") != NULL && strchr(line, '(') > strpbrk(line + 6, "Tt");
        if (strncmp(line, "TracerPid:", 10) == 0)
            traced = atoi(line + 10) != 0;
    }
    if (file != NULL)
        fclose(file);
    return !traced && !stopped;
}

static size_t count_disturbed(const glob_t *threads)
{
    size_t disturbed = 0;
    for (size_t i = 0; i < threads->gl_pathc; i++)
        disturbed += !is_undisturbed(threads->gl_pathv[i]);
    return disturbed;
}

Test(stacks, threads_go_on)
{
    char pattern[64];
    glob_t threads;
    size_t disturbed = 1;
    make_helper("", "helper");
    const struct helper helper = start_helper("threads");
    struct stacks stacks = look_until(helper.pid, three_threads);
    snprintf(pattern, sizeof pattern, "/proc/%d/task/*/status", (int)helper.pid);
    cr_assert_eq(glob(pattern, 0, NULL, &threads), 0);
    cr_assert_eq(threads.gl_pathc, 3);
    for (const time_t end = time(NULL) + PATIENCE; disturbed > 0 && time(NULL) < end; nap())
        disturbed = count_disturbed(&threads);
    cr_assert_eq(disturbed, 0, "%zu threads are still stopped or traced", disturbed);
    globfree(&threads);
    stacks_release(&stacks);
    finish_helper(&helper);
}

Test(stacks, stopped_program_can_be_looked_at)
{
    int status;
    make_helper("", "helper");
    const struct helper helper = start_helper("end");
    struct stacks before = look_until(helper.pid, one_thread);
    stacks_release(&before);
    kill(helper.pid, SIGSTOP);
    cr_assert_eq(waitpid(helper.pid, &status, WUNTRACED), helper.pid);
    struct stacks stacks = stacks_of_tree(helper.pid);
    cr_assert_eq(stacks.count, 1);
    expect_frame(&stacks.items[0], "wait_for_input", "in read");
    stacks_release(&stacks);
    kill(helper.pid, SIGCONT);
    finish_helper(&helper);
}

Test(stacks, children_too)
{
    make_helper("", "helper");
    const struct helper helper = start_helper("sleeper");
    struct stacks stacks = {0};
    const struct stack *child = NULL;
    for (const time_t end = time(NULL) + PATIENCE; child == NULL && time(NULL) < end;) {
        stacks_release(&stacks);
        stacks = look_until(helper.pid, one_thread);
        for (size_t i = 0; i < stacks.count; i++)
            if (stacks.items[i].process != helper.pid && find_frame(&stacks.items[i], "sleeper") != NULL &&
                stacks.items[i].frames[0].file == NULL) /* it has got into the C library */
                child = &stacks.items[i];
    }
    cr_assert_not_null(child, "the child's stack is missing");
    expect_frame(child, "sleeper", "in sleep");
    stacks_release(&stacks);
    kill_helper(&helper);
}

/* Who is in vfork cannot be stopped before the child lets go: it must be left out, not waited for. */
Test(stacks, parent_in_vfork_is_left_out)
{
    make_helper("", "helper");
    const struct helper helper = start_helper("vfork");
    struct stacks stacks = look_until(helper.pid, one_thread);
    cr_assert_eq(stacks.count, 1);
    cr_assert_neq(stacks.items[0].process, helper.pid);
    stacks_release(&stacks);
    finish_helper(&helper);
}

Test(stacks, nobody_there)
{
    const pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    struct stacks stacks = stacks_of_tree(pid);
    cr_assert_eq(stacks.count, 0);
    stacks_release(&stacks);
}

/* The first address is a function's own, the second a return address. */
static void check_resolve(const char *options)
{
    uint64_t addresses[2];
    unsigned long first, second;
    struct stack stack;
    make_helper(options, "helper");
    FILE *output = popen("./helper addresses", "re");
    cr_assert_eq(fscanf(output, "%lx %lx", &first, &second), 2);
    pclose(output);
    addresses[0] = first;
    addresses[1] = second;
    cr_assert_eq(stacks_resolve("./helper", addresses, 2, &stack), 2);
    cr_assert_eq(stack.count, 2);
    cr_assert_str_eq(stack.frames[0].function, "after_end");
    expect_frame(&stack, "addresses", "in addresses");
    stack_release(&stack);
}

Test(stacks, resolve_in_a_position_independent_executable)
{
    check_resolve("-fPIE -pie");
}

Test(stacks, resolve_in_an_executable_with_fixed_addresses)
{
    check_resolve("-fno-pie -no-pie");
}

Test(stacks, resolve_takes_no_more_than_fit)
{
    uint64_t addresses[STACKS_FRAMES + 5] = {0};
    struct stack stack;
    make_helper("", "helper");
    cr_assert_eq(stacks_resolve("./helper", addresses, STACKS_FRAMES + 5, &stack), STACKS_FRAMES);
    stack_release(&stack);
    cr_assert_eq(stacks_resolve("./no-such-file", addresses, 1, &stack), 0);
    stack_release(&stack);
}

static void check_function_line(const char *path)
{
    char *file = NULL;
    cr_assert_eq(stacks_function_line(path, "defined_here", &file), line_of("defined"));
    cr_assert_not_null(file);
    cr_assert_str_eq(strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file, "helper.c");
    free(file);
    cr_assert_eq(stacks_function_line(path, "defined_here", NULL), line_of("defined"));
    cr_assert_eq(stacks_function_line(path, "declared_only", &file), 0);
    cr_assert_null(file);
    cr_assert_eq(stacks_function_line(path, "no_such_function", NULL), 0);
}

Test(stacks, line_of_a_function_in_an_object_file)
{
    make_helper("-c", "helper.o");
    check_function_line("helper.o");
}

Test(stacks, line_of_a_function_in_an_executable)
{
    make_helper("", "helper");
    check_function_line("helper");
}

Test(stacks, line_without_debugging_information)
{
    make_helper("-c -g0", "helper.o");
    cr_assert_eq(stacks_function_line("helper.o", "defined_here", NULL), 0);
    cr_assert_eq(stacks_function_line("no-such-file.o", "defined_here", NULL), 0);
}
