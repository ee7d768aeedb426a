#include "tests_trial.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../process.h"
#include "../stacks.h"
#include "../text.h"

enum { OUTPUT_LINES = 6, RECEIPT_BYTES_MAX = 1 << 16, JSON_BYTES_MAX = 1 << 22, MESSAGES_SHOWN = 3 };

/* What Criterion says of one test. */
struct outcome {
    bool known; /* the test program has this test */
    int assertions;
    bool passed;
    char *messages; /* failed assertions, a line each; NULL if none */
};

/* --- reading what a trial left --- */

/* Criterion's "tests.c:12: text" without the place: the tests' lines are not the student's. */
static const char *without_place(const char *message)
{
    const char *colon = strstr(message, ".c:");
    if (colon == NULL)
        return message;
    const char *text = strstr(colon, ": ");
    return text != NULL ? text + 2 : message;
}

static char *join_messages(const json_t *messages)
{
    char *joined = NULL;
    size_t count = json_array_size(messages);
    /* Criterion lists the latest first; the first failure is the one to read first. */
    for (size_t i = 0; i < count && i < MESSAGES_SHOWN; i++) {
        const char *text = json_string_value(json_array_get(messages, count - 1 - i));
        if (text == NULL)
            continue;
        char *longer =
            text_format("%s%s%s", joined != NULL ? joined : "", joined != NULL ? "\n" : "", without_place(text));
        free(joined);
        joined = longer;
    }
    return joined;
}

static void read_test(const json_t *test, const char *name, struct outcome *outcome)
{
    const char *found = json_string_value(json_object_get(test, "name"));
    const char *status = json_string_value(json_object_get(test, "status"));
    if (found == NULL || status == NULL || strcmp(found, name) != 0)
        return;
    outcome->known = true;
    outcome->passed = strcmp(status, "PASSED") == 0;
    outcome->assertions = (int)json_integer_value(json_object_get(test, "assertions"));
    outcome->messages = join_messages(json_object_get(test, "messages"));
}

/* Reads Criterion's report of one trial; false if there is none (the runner was killed). */
static bool read_outcome(const struct trial *trial, struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    size_t length = 0, i, k;
    char *text = text_read_file(trial->json_path, JSON_BYTES_MAX, &length);
    /* Criterion copies assertion messages byte by byte: text the hand-in produced may not be UTF-8. */
    char *clean = text != NULL ? text_clean(text) : NULL;
    json_t *root = clean != NULL ? json_loads(clean, 0, NULL) : NULL;
    json_t *suite, *test;
    json_array_foreach(json_object_get(root, "test_suites"), i, suite)
    {
        json_array_foreach(json_object_get(suite, "tests"), k, test)
        {
            read_test(test, trial->test->name, outcome);
        }
    }
    const bool read = root != NULL;
    json_decref(root);
    free(clean);
    free(text);
    return read;
}

/* The rest of the line after `word ` in the trial's receipts, NULL if there is none. Caller frees. */
static char *find_receipt(const struct trial *trial, const char *word)
{
    char *found = NULL;
    char *text = text_read_file(trial->receipt_path, RECEIPT_BYTES_MAX, NULL);
    const size_t length = strlen(word);
    for (char *line = text; line != NULL && found == NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, length) == 0 && line[length] == ' ')
            found = text_copy(line + length + 1, strcspn(line + length + 1, "\n"));
    }
    free(text);
    return found;
}

/* Whether the test ran to its last line: `end NAME NONCE` is among its receipts. */
static bool reached_end(const struct trial *trial)
{
    char *word = text_format("end %s %s", trial->test->name, trial->nonce);
    char *text = text_read_file(trial->receipt_path, RECEIPT_BYTES_MAX, NULL);
    bool found = false;
    for (char *line = text; line != NULL && !found; line = strchr(line, '\n')) {
        line += *line == '\n';
        found = strncmp(line, word, strlen(word)) == 0 && line[strlen(word)] == '\n';
    }
    free(text);
    free(word);
    return found;
}

/* --- saying what is wrong --- */

static bool in_handin(const struct setting *setting, const struct stack_frame *frame)
{
    return stack_frame_is_in(frame, setting->manifest->file);
}

static int function_line(const struct setting *setting, const char *function)
{
    return function != NULL ? stacks_function_line(setting->object, function, NULL) : 0;
}

/* The function to look at: the test's, unless what it says is about others only. */
static const char *function_of(const struct manifest *manifest, const struct manifest_test *test, const char *what)
{
    const char *named = manifest_named_function(manifest, what);
    return named == NULL || (test->function != NULL && text_find_word(what, test->function) != NULL) ? test->function
                                                                                                     : named;
}

static struct finding *add_failure(struct stage_result *result, const struct setting *setting,
                                   const struct trial *trial, const char *kind, const char *what)
{
    struct finding *finding = result_add(result, kind, "%s: %s", trial->test->name, what);
    char *extra = text_format("TEST=%s", trial->test->name);
    finding->file = text_copy(setting->workspace->handin_shown, strlen(setting->workspace->handin_shown));
    finding->line = function_line(setting, function_of(setting->manifest, trial->test, what));
    finding->test = trial->test->name;
    finding->cost = trial->test->points;
    finding->command = workspace_command(setting->workspace, setting->manifest, NULL, extra);
    free(extra);
    return finding;
}

/* `text` added to the finding's detail on lines of its own. */
static void add_detail(struct finding *finding, const char *text)
{
    char *longer = text_format("%s%s%s", finding->detail != NULL ? finding->detail : "",
                               finding->detail != NULL ? "\n" : "", text);
    free(finding->detail);
    finding->detail = longer;
}

static void add_why(struct finding *finding, const struct trial *trial)
{
    add_detail(finding, trial->test->why);
}

/* Where one thread stood, e.g. `thread 2: queue_get, crawler.c:48 (in pthread_cond_wait)`; NULL if in no line of ours.
 */
static char *describe_stack(const struct setting *setting, const struct stack *stack, int number, int *line)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct stack_frame *frame = &stack->frames[i];
        if (!in_handin(setting, frame))
            continue;
        const char *inner = i > 0 ? stack->frames[i - 1].function : NULL;
        *line = frame->line;
        return text_format("thread %d: %s at %s:%d%s%s", number, frame->function != NULL ? frame->function : "?",
                           setting->manifest->file, frame->line, inner != NULL ? ", in " : "",
                           inner != NULL ? inner : "");
    }
    return NULL;
}

/* A test's own thread that is not in the hand-in: what it waits for. */
static bool in_test(const struct stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        if (stack->frames[i].file != NULL && strstr(stack->frames[i].file, "lab/tests.c") != NULL)
            return true;
    return false;
}

static void add_stacks(struct finding *finding, const struct setting *setting, const struct stacks *stacks)
{
    int shown = 0, number = 0, first_line = 0;
    pid_t process = 0;
    for (size_t i = 0; i < stacks->count; i++) {
        int line = 0;
        number = stacks->items[i].process == process ? number + 1 : 1;
        process = stacks->items[i].process;
        char *text = describe_stack(setting, &stacks->items[i], number, &line);
        if (text == NULL && in_test(&stacks->items[i]) && stacks->items[i].count > 0 &&
            stacks->items[i].frames[0].function != NULL)
            text = text_format("thread %d: in the test itself, in %s", number, stacks->items[i].frames[0].function);
        if (text != NULL && shown < 8) {
            if (shown == 0)
                add_detail(finding, "Where each thread stood:");
            add_detail(finding, text);
            shown++;
            first_line = first_line == 0 ? line : first_line;
        }
        free(text);
    }
    if (first_line > 0)
        finding->line = first_line;
}

static void add_hung(struct stage_result *result, const struct setting *setting, struct trial *trial,
                     const struct process_spec *spec, const struct process_result *run)
{
    char *how = process_describe_limit(spec, LIMIT_TIME, run);
    struct finding *finding =
        add_failure(result, setting, trial, "hung", "still running at its deadline; it was stopped.");
    char *message = text_format("%s: it hangs: it %s.", trial->test->name, how);
    free(how);
    free(finding->message);
    finding->message = message;
    add_why(finding, trial);
    add_stacks(finding, setting, &trial->stacks);
}

/* Points the finding at the line of the hand-in in which the program counters of a crash receipt lie. */
static void add_crash_place(struct finding *finding, const struct setting *setting, const char *counters)
{
    uint64_t addresses[STACKS_FRAMES];
    size_t count = 0;
    struct stack stack = {0};
    while (count < STACKS_FRAMES && *counters != '\0') {
        char *end;
        addresses[count] = strtoull(counters, &end, 16);
        if (end == counters)
            break;
        count++;
        counters = end;
    }
    stacks_resolve(setting->program, addresses, count, &stack);
    for (size_t i = 0; i < stack.count; i++) {
        if (!in_handin(setting, &stack.frames[i]))
            continue;
        char *text = text_format("it was in %s, line %d", stack.frames[i].function, stack.frames[i].line);
        finding->line = stack.frames[i].line;
        add_detail(finding, text);
        free(text);
        break;
    }
    stack_release(&stack);
}

static void add_crash(struct stage_result *result, const struct setting *setting, struct trial *trial,
                      const struct process_spec *spec, const char *receipt)
{
    char *counters, *what;
    const int number = (int)strtol(receipt, &counters, 16);
    const struct process_result end = {.end = PROCESS_SIGNALED, .code = number};
    const bool limit = process_limit_hit(&end) != LIMIT_NONE;
    const char *hint = number == SIGSEGV || number == SIGBUS
                           ? "it used memory that is not its own (a NULL or dangling pointer, or the end of the stack)"
                       : number == SIGFPE  ? "it divided by zero"
                       : number == SIGABRT ? "abort was called (an assert, or the C library found the heap corrupted)"
                                           : "a fatal signal ended it";
    if (limit) {
        char *how = process_describe(spec, &end);
        what = text_format("the program %s.", how);
        free(how);
    } else {
        what = text_format("the program crashed with SIG%s: %s.",
                           sigabbrev_np(number) != NULL ? sigabbrev_np(number) : "?", hint);
    }
    struct finding *finding = add_failure(result, setting, trial, limit ? "limit" : "crashed", what);
    add_crash_place(finding, setting, counters);
    free(what);
}

static void add_printed(struct finding *finding, const struct setting *setting, const struct process_result *run)
{
    if (run->out_bytes == 0)
        return;
    char *shown = workspace_shown(setting->workspace, setting->manifest, run->out);
    char *excerpt = text_excerpt(shown, OUTPUT_LINES);
    char *text = text_format("your program printed:\n%s", excerpt);
    add_detail(finding, text);
    free(text);
    free(excerpt);
    free(shown);
}

/* How a trial that Criterion could not finish came to its end, in a sentence. */
static void add_stopped(struct stage_result *result, const struct setting *setting, struct trial *trial,
                        const struct process_spec *spec, const struct process_result *run)
{
    char *how = process_describe(spec, run);
    char *what = text_format("the program %s.", how);
    add_failure(result, setting, trial, process_limit_hit(run) != LIMIT_NONE ? "limit" : "crashed", what);
    free(what);
    free(how);
}

/* --- what a failure is worth --- */

bool trial_is_failure(const struct finding *finding)
{
    return finding->test != NULL && strcmp(finding->kind, "note") != 0;
}

void trial_repeated(struct finding *failure, int failures, int runs)
{
    if (2 * failures > runs)
        return;
    char *message =
        text_format("%s\nIt failed in the first run and in %d of %d more: whether it does is luck. So it costs "
                    "nothing beside what `schedules` shows, which is the same each time. It may be the same "
                    "mistake: mend that and look again.",
                    failure->message, failures, runs);
    free(failure->message);
    failure->message = message;
    free(failure->kind);
    failure->kind = text_format("note");
    failure->cost = 0;
}

/* --- judging one trial --- */

static enum verdict judge_outcome(struct stage_result *result, const struct setting *setting, struct trial *trial,
                                  const struct process_spec *spec, const struct outcome *outcome,
                                  const struct process_result *run)
{
    char *crash = find_receipt(trial, "crash"), *ended = find_receipt(trial, "exit");
    const bool end = reached_end(trial);
    enum verdict verdict = FAIL;
    if (outcome->passed && end && outcome->assertions > 0) {
        verdict = PASS;
    } else if (ended != NULL || (outcome->passed && !end)) {
        add_why(add_failure(
                    result, setting, trial, "exit-called",
                    "your code ended the whole program (exit, _exit or the like) in the middle of the test; a function "
                    "returns to its caller and reports errors by its return value."),
                trial);
    } else if (crash != NULL && outcome->messages != NULL && strstr(outcome->messages, "crashed") != NULL) {
        add_crash(result, setting, trial, spec, crash);
        verdict = CRASH;
    } else if (outcome->messages != NULL && strcmp(outcome->messages, "The test crashed.") == 0) {
        add_why(
            add_failure(result, setting, trial, "crashed",
                        "a signal ended the program before it could tell where it was: SIGSEGV where the stack of a "
                        "thread is full (local variables too large for it, a recursion without end), SIGPIPE (a "
                        "write to a pipe or socket that nobody reads any more), SIGKILL, SIGTERM or the like."),
            trial);
        verdict = CRASH;
    } else {
        struct finding *finding = add_failure(result, setting, trial, "test-failed",
                                              outcome->messages != NULL ? outcome->messages : "it made no assertion");
        if (outcome->messages == NULL || !text_is_sentence(outcome->messages))
            add_why(finding, trial);
        add_printed(finding, setting, run);
    }
    free(crash);
    free(ended);
    return verdict;
}

enum verdict trial_judge(struct stage_result *result, const struct setting *setting, struct trial *trial,
                         const struct process_spec *spec, const struct process_result *run)
{
    struct outcome outcome;
    enum verdict verdict;
    if (run->end == PROCESS_TIMED_OUT) {
        add_hung(result, setting, trial, spec, run);
        return HANG;
    }
    if (run->end == PROCESS_NOT_STARTED || run->end == PROCESS_INTERRUPTED)
        return OUR_FAULT;
    if (process_limit_hit(run) != LIMIT_NONE || !read_outcome(trial, &outcome)) {
        add_stopped(result, setting, trial, spec, run);
        return CRASH;
    }
    if (!outcome.known)
        verdict = OUR_FAULT;
    else
        verdict = judge_outcome(result, setting, trial, spec, &outcome, run);
    free(outcome.messages);
    return verdict;
}
