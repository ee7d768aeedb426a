/* Tests of sandbox.h: what a program in it can see and do, and that process.h's promises hold for it. */
#include "../sandbox.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../process.h"
#include "../stacks.h"
#include "../text.h"

enum { PATIENCE = 60 };

static char directory[] = "/tmp/test_sandbox_XXXXXX";
static const char *const shown[] = {directory, NULL};
static const struct sandbox reading = {.readable = shown}, writing = {.writable = shown};

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void put(const char *name, const char *text, mode_t mode)
{
    char *path = text_join(directory, name);
    cr_assert(text_write_file(path, text, strlen(text)));
    cr_assert_eq(chmod(path, mode), 0);
    free(path);
}

/* Where there is no sandbox at all, there is nothing to test: then grader/tests/attacks.sh fails, and says so. */
static void begin(void)
{
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chmod(directory, 0755), 0);
    if (!sandbox_available())
        cr_skip_test("no sandbox here: %s", sandbox_lack());
}

static void end(void)
{
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(sandbox, .init = begin, .fini = end, .timeout = 2 * PATIENCE);

static struct process_spec in_shell(const char **argv, const char *script, const struct sandbox *sandbox)
{
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return (struct process_spec){.argv = argv, .directory = "/tmp", .deadline = PATIENCE, .sandbox = sandbox};
}

/* Runs `script` in a sandbox and checks status and output. */
static void expect(const char *script, const struct sandbox *sandbox, int status, const char *out)
{
    const char *argv[4];
    const struct process_spec spec = in_shell(argv, script, sandbox);
    struct process_result result;
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_expect_eq(result.end, PROCESS_EXITED, "%s: ended otherwise, %s", script, result.err);
    cr_expect_eq(result.code, status, "%s: status %d, %s", script, result.code, result.err);
    cr_expect_str_eq(result.out, out, "%s: printed '%s', %s", script, result.out, result.err);
    process_release(&result);
}

/* Compiles C text to DIRECTORY/program, which the sandbox can run. */
static void compile(const char *text)
{
    const char *argv[] = {"gcc", "-D_GNU_SOURCE", "-O0", "-g", "-pthread", "program.c", "-o", "program", NULL};
    const struct process_spec spec = {.argv = argv, .directory = directory, .deadline = PATIENCE};
    struct process_result result;
    put("program.c", text, 0644);
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_assert(result.end == PROCESS_EXITED && result.code == 0, "%s", result.err);
    process_release(&result);
}

static struct process_result run_program(const struct process_spec *wish)
{
    struct process_spec spec = *wish;
    struct process_result result;
    char *program = text_join(directory, "program");
    const char *argv[] = {program, NULL};
    spec.argv = argv;
    spec.sandbox = &reading;
    spec.deadline = spec.deadline > 0 ? spec.deadline : PATIENCE;
    cr_assert(process_run(&spec, 1, 1, &result));
    free(program);
    return result;
}

Test(sandbox, shows_the_system_and_what_it_is_told)
{
    put("seen", "text", 0644);
    expect("cat seen", &reading, 1, ""); /* starts in /tmp, not there */
    char *script = text_format("cat %s/seen; ls %s; ls /usr/bin/env", directory, directory);
    expect(script, &reading, 0, "textseen\n/usr/bin/env\n");
    free(script);
}

Test(sandbox, hides_the_rest)
{
    static const struct sandbox nothing = {0};
    put("secret", "text", 0644);
    char *script =
        text_format("ls -A /home /root %s /etc/passwd /etc/shadow /var /sys 2>/dev/null; ls -A /tmp", directory);
    expect(script, &nothing, 0, "");
    free(script);
}

Test(sandbox, paths_to_read_cannot_be_written)
{
    put("file", "text", 0666);
    char *script = text_format("cd %s; echo x >file; echo x >other; rm -f file; cat file", directory);
    expect(script, &reading, 0, "text");
    free(script);
}

Test(sandbox, paths_to_write_can_be_written)
{
    cr_assert(sandbox_hand_over(directory));
    char *script = text_format("echo text >%s/made", directory), *path = text_join(directory, "made");
    expect(script, &writing, 0, "");
    char *content = text_read_file(path, 100, NULL);
    cr_expect_str_eq(content, "text\n");
    free(content);
    free(path);
    free(script);
}

Test(sandbox, a_writable_file_can_lie_in_scratch)
{
    char *path = text_join(directory, "report");
    const char *const files[] = {path, NULL};
    const struct sandbox sandbox = {.writable = files, .scratch = shown};
    put("report", "", 0600);
    put("other", "", 0644);
    cr_assert(sandbox_hand_over(path));
    char *script = text_format("cd %s; echo a >report; echo b >mine; ls; rm -f report; ls", directory);
    expect(script, &sandbox, 0, "mine\nreport\nmine\nreport\n");
    char *content = text_read_file(path, 100, NULL);
    cr_expect_str_eq(content, "a\n");
    free(content);
    free(script);
    free(path);
}

Test(sandbox, private_directories_are_empty_and_limited)
{
    static const struct sandbox nothing = {0};
    expect("ls -A /tmp /dev/shm; touch /tmp/a /dev/shm/b; "
           "for i in 1 2 3 4; do head -c 100000000 /dev/zero >/tmp/f$i 2>/dev/null || echo full $i; done",
           &nothing, 0, "/dev/shm:\n\n/tmp:\nfull 3\nfull 4\n");
}

Test(sandbox, environment_is_small)
{
    setenv("SECRET", "text", 1);
    setenv("HOME", "/home/somebody", 1);
    expect("env | sort", &reading, 0,
           "HOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/tmp\nTERM=dumb\nTMPDIR=/tmp\n");
}

Test(sandbox, user_is_not_the_graders_and_has_no_rights)
{
    expect("id -u; grep -E 'CapEff|CapPrm|NoNewPrivs|^Seccomp:' /proc/self/status", &reading, 0,
           "65530\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
}

Test(sandbox, sees_no_process_but_its_own_and_cannot_end_the_first)
{
    expect("set -- /proc/[0-9]*; [ $# -le 4 ] || echo $*; kill -9 1; kill -STOP 1; trap '' TERM; kill -TERM -1; sleep "
           "0.1; "
           "cat /proc/1/environ 2>/dev/null; ls /proc/1/fd 2>/dev/null; [ -d /proc/1 ] && echo still",
           &reading, 0, "still\n");
}

Test(sandbox, network_leads_nowhere)
{
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    cr_assert(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    char *text = text_format(
        "#include <arpa/inet.h>\n#include <stdio.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"
        "static int go(const char *where, int port) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = "
        "htons(port)}; inet_aton(where, &a.sin_addr); return connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&a, "
        "sizeof "
        "a); }\n"
        "int main(void) { int l = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = {.sin_family = AF_INET};\n"
        "socklen_t n = sizeof a; bind(l, (void *)&a, n); listen(l, 1); getsockname(l, (void *)&a, &n);\n"
        "printf(\"%%d %%d %%d\", go(\"127.0.0.1\", %d), go(\"8.8.8.8\", 53), go(\"127.0.0.1\", ntohs(a.sin_port)));\n"
        "return socket(40, SOCK_STREAM, 0) < 0 ? 0 : 1; }\n",
        ntohs(address.sin_port));
    compile(text);
    struct process_result result = run_program(&(struct process_spec){0});
    cr_expect_str_eq(result.out, "-1 -1 0", "%s", result.out);
    cr_expect_eq(result.code, 0, "a vsock socket can be made");
    process_release(&result);
    close(listener);
    free(text);
}

Test(sandbox, system_calls_are_filtered)
{
    compile(
        "#include <errno.h>\n#include <sched.h>\n#include <signal.h>\n#include <stdio.h>\n#include <sys/mount.h>\n"
        "#include <sys/personality.h>\n#include <sys/ptrace.h>\n#include <sys/syscall.h>\n#include <sys/wait.h>\n"
        "#include <unistd.h>\n"
        "static void tell(const char *name, long result) { if (result >= 0 || errno != EPERM) printf(\"%s \", name); "
        "}\n"
        "int main(void) { pid_t p = fork(); if (p == 0) { pause(); return 0; }\n"
        "tell(\"ptrace\", ptrace(PTRACE_ATTACH, p, 0, 0)); tell(\"mount\", mount(\"a\", \"/tmp\", \"tmpfs\", 0, 0));\n"
        "tell(\"unshare\", unshare(CLONE_NEWUSER)); tell(\"keyctl\", syscall(SYS_keyctl, 0, -3, 0));\n"
        "tell(\"perf\", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0)); tell(\"bpf\", syscall(SYS_bpf, 0, 0, 0));\n"
        "tell(\"uring\", syscall(SYS_io_uring_setup, 1, 0)); tell(\"clone\", syscall(SYS_clone, CLONE_NEWUSER | "
        "SIGCHLD, "
        "0, 0, 0, 0));\n"
        "if (syscall(SYS_clone3, 0, 0) >= 0 || errno != ENOSYS) printf(\"clone3 \");\n"
        "if (personality(ADDR_NO_RANDOMIZE) < 0) printf(\"personality\");\n"
        "kill(p, SIGKILL); waitpid(p, NULL, 0); return 0; }\n");
    struct process_result result = run_program(&(struct process_spec){0});
    cr_expect_str_eq(result.out, "");
    cr_expect(result.end == PROCESS_EXITED && result.code == 0);
    process_release(&result);
}

Test(sandbox, status_signals_and_missing_programs_are_told)
{
    const char *argv[4], *const missing[] = {"no-such-program", NULL};
    struct process_spec specs[] = {in_shell(argv, "kill -SEGV $$", &reading),
                                   {.argv = missing, .deadline = PATIENCE, .sandbox = &reading},
                                   {.argv = argv, .directory = "/nowhere", .deadline = PATIENCE, .sandbox = &reading}};
    struct process_result results[3];
    cr_assert(process_run(specs, 3, 1, results));
    cr_expect(results[0].end == PROCESS_SIGNALED && results[0].code == SIGSEGV);
    for (int i = 1; i < 3; i++)
        cr_expect(results[i].end == PROCESS_NOT_STARTED && results[i].code == ENOENT);
    for (int i = 0; i < 3; i++)
        process_release(&results[i]);
    expect("exit 139", &reading, 139, "");
}

Test(sandbox, nothing_survives_the_program)
{
    const char *argv[4];
    const struct process_spec spec =
        in_shell(argv, "for i in 1 2 3; do setsid sleep 61 & done; (setsid sleep 61 &) ; sleep 0.1", &reading);
    struct process_result result;
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_expect_eq(result.left_behind, 4);
    cr_expect_lt(result.seconds, 10.0);
    process_release(&result);
}

Test(sandbox, processes_are_counted_without_ours)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "sleep 0.3 & sleep 0.3 & sleep 0.3 & wait", &reading);
    struct process_result result;
    for (unsigned limit = 3; limit <= 4; limit++) {
        spec.process_limit = limit;
        cr_assert(process_run(&spec, 1, 1, &result));
        cr_expect_eq(result.end, limit == 3 ? PROCESS_TOO_MANY : PROCESS_EXITED);
        process_release(&result);
    }
}

Test(sandbox, stopwatch_reads_the_programs_own_cpu_clock)
{
    compile(
        "#include <stdio.h>\n#include <string.h>\n#include <time.h>\n#include <unistd.h>\n"
        "static double cpu(void) { struct timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + "
        "t.tv_nsec / 1e9; }\n"
        "int main(void) { char word[8]; double end = cpu() + 0.1; while (cpu() < end) ;\n"
        "write(3, \"ready\\n\", 6); read(4, word, 8); end = cpu() + 0.2; while (cpu() < end) ;\n"
        "usleep(100000); write(3, \"done 42\\n\", 8); return 0; }\n");
    struct process_result result = run_program(&(struct process_spec){.stopwatch = true});
    cr_expect(result.answered && result.answer == 42);
    cr_expect_geq(result.timed_cpu, 0.2);
    cr_expect_lt(result.timed_cpu, 0.25);
    cr_expect_geq(result.timed_seconds, 0.3);
    process_release(&result);
}

static void look(pid_t root, void *context)
{
    *(struct stacks *)context = stacks_of_tree(root);
}

Test(sandbox, stacks_of_a_hung_program_can_be_read)
{
    struct stacks stacks = {0};
    bool found = false;
    compile("#include <pthread.h>\n#include <unistd.h>\nstatic void *stuck(void *a) { for (;;) pause(); return a; }\n"
            "int main(void) { pthread_t t; pthread_create(&t, 0, stuck, 0); pthread_join(t, 0); return 0; }\n");
    struct process_result result =
        run_program(&(struct process_spec){.deadline = 0.5, .on_deadline = look, .context = &stacks});
    cr_expect_eq(result.end, PROCESS_TIMED_OUT);
    for (size_t i = 0; i < stacks.count; i++)
        for (size_t k = 0; k < stacks.items[i].count; k++) {
            const struct stack_frame *frame = &stacks.items[i].frames[k];
            found = found || (frame->function != NULL && strcmp(frame->function, "stuck") == 0 && frame->line == 3);
        }
    cr_expect(found);
    stacks_release(&stacks);
    process_release(&result);
}

Test(sandbox, report_goes_to_a_file_that_cannot_be_reached_by_name)
{
    const char *argv[4];
    char *path = text_join(directory, "report");
    static const struct sandbox nothing = {0};
    put("report", "", 0600);
    cr_assert(sandbox_hand_over(path));
    struct process_spec spec = in_shell(argv, "echo text >/proc/self/fd/5", &nothing);
    spec.report = path;
    struct process_result result;
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_expect_eq(result.code, 0, "%s", result.err);
    char *content = text_read_file(path, 100, NULL);
    cr_expect_str_eq(content, "text\n");
    free(content);
    free(path);
    process_release(&result);
}

/* Whom the program can ask: a process that neither ends nor sleeps, and says who it is. */
static const char restless[] = "#include <stdio.h>\n#include <string.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"
                               "int main(int argc, char **argv) {\n"
                               "  int type = 0; socklen_t length = sizeof type; char c;\n"
                               "  getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &length);\n"
                               "  if (strcmp(argv[0], \"service\") == 0) {\n"
                               "    fprintf(stderr, \"%d %d \", (int)getpid(), (int)getuid());\n"
                               "    for (;;) ;\n"
                               "  }\n"
                               "  usleep(300000);\n"
                               "  return type == SOCK_SEQPACKET && read(0, &c, 1) == 0 ? 0 : 1;\n"
                               "}\n";

static void expect_service(const struct sandbox *sandbox)
{
    struct process_result result;
    char *program = text_join(directory, "program");
    int pid = 0, user = -1;
    const char *const argv[] = {program, NULL};
    const struct process_spec spec = {
        .argv = argv, .service = program, .sandbox = sandbox, .deadline = PATIENCE, .process_limit = 1};
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_expect(result.end == PROCESS_EXITED && result.code == 0, "end %d, code %d", (int)result.end, result.code);
    cr_expect_eq(result.left_behind, 0);
    cr_expect(result.usage.ru_utime.tv_sec == 0 && result.usage.ru_utime.tv_usec < 200000,
              "the service's CPU time counts");
    cr_assert_eq(sscanf(result.err, "%d %d", &pid, &user), 2, "printed '%s'", result.err);
    cr_expect(kill(pid, 0) != 0 && errno == ESRCH, "the service has outlived its program");
    cr_expect_neq(user, 0);
    cr_expect_neq(user, SANDBOX_USER);
    process_release(&result);
    free(program);
}

Test(sandbox, a_service_is_none_of_the_programs_processes)
{
    compile(restless);
    expect_service(&reading);
    expect_service(NULL);
}

Test(sandbox, a_service_that_is_not_there_is_our_fault)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "true", &reading);
    struct process_result result;
    spec.service = "/nowhere/service";
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_expect(result.end == PROCESS_NOT_STARTED && result.code == ENOENT);
    process_release(&result);
}

static void expect_file(const char *name, const char *wanted)
{
    char *path = text_join(directory, name), *content = text_read_file(path, 100, NULL);
    if (wanted != NULL)
        cr_expect(content != NULL && strcmp(content, wanted) == 0, "%s holds '%s'", name, content);
    else
        cr_expect(access(path, F_OK) != 0 && content == NULL, "%s is there", name);
    free(content);
    free(path);
}

Test(sandbox, files_left_are_copied_out_whatever_the_end)
{
    const char *argv[4];
    char *run = text_join(directory, "run"), *kept = text_join(directory, "out.");
    const char *const runs[] = {run, NULL};
    const struct sandbox sandbox = {.scratch = runs};
    cr_assert_eq(mkdir(run, 0755), 0);
    put("out.0", "before", 0644);
    struct process_spec spec = in_shell(
        argv,
        "echo new >out.0; echo text >out.1; ln -s /bin/sh out.2; mkfifo out.3; mkdir out.4; echo no >other; sleep 61",
        &sandbox);
    spec.directory = run;
    spec.kept = kept;
    spec.deadline = 2;
    struct process_result result;
    cr_assert(process_run(&spec, 1, 1, &result));
    cr_expect_eq(result.end, PROCESS_TIMED_OUT);
    expect_file("out.0", "before");
    expect_file("out.1", "text\n");
    expect_file("out.2", NULL);
    expect_file("out.3", NULL);
    expect_file("out.4", NULL);
    expect_file("other", NULL);
    process_release(&result);
    free(kept);
    free(run);
}
