/*
 * process.c: the grader's side of a run; process.h has the idea, supervise.h the protocol.
 *
 * process_run has a libuv loop and `jobs` slots. Each slot runs one program after the other:
 *
 *     start_run   pipes, supervisor, timer              (or the whole batch fails)
 *        |        on_read: output is kept, a record noted, the stopwatch served
 *        |        end_run: deadline, flood, interrupt: SIGTERM to the supervisor; 15 s later SIGKILL
 *     on_exit     the supervisor has ended: the rest of the pipes is read, the result made, all handles closed
 *     on_close    the last handle is closed: the slot takes the next program
 *
 * The supervisor ends when nothing below it is left. Should it be killed itself, its orphans become children of the
 * grader, which is a subreaper, too, and ends them: they are its children of other sessions than its own, in which
 * the supervisors are.
 */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "process_launch.h"
#include "process_output.h"
#include "process_stopwatch.h"
#include "process_tree.h"
#include "supervise.h"

enum { LAST_RESORT_MS = 15000, STRAYS_MS = 15000, STRAYS_MAX = 1 << 14, BUFFER_BYTES = 64 * 1024, DRAIN_ROUNDS = 64 };

enum role { ROLE_OUT, ROLE_ERR, ROLE_RECORD, ROLE_STOPWATCH, ROLES };

struct run;

struct channel {
    uv_pipe_t pipe;
    struct run *run;
    bool used;
};

/* A slot and the program that runs in it. */
struct run {
    struct batch *batch;
    struct process_spec spec; /* limits filled in */
    struct process_result *result;
    uv_process_t supervisor;
    uv_timer_t timer; /* the deadline, later the last resort */
    struct channel channels[ROLES];
    int go[2]; /* both ends are kept: with a reader there is no SIGPIPE */
    struct process_output out, err;
    struct process_stopwatch watch;
    struct supervise_record record; /* the last one */
    size_t record_bytes;            /* of the record that is just coming */
    char record_part[sizeof(struct supervise_record)];
    bool spawned;  /* the handle `supervisor` is in use */
    bool alive;    /* the supervisor is, and can be sent signals */
    bool must_end; /* it was told to end, because of `why` */
    bool ended;    /* it has written its last record */
    enum process_end why;
    uint64_t start;
    int open_handles;
    char buffer[BUFFER_BYTES];
};

struct batch {
    uv_loop_t loop;
    uv_poll_t interrupt;
    const struct process_spec *specs;
    struct process_result *results;
    size_t count, next;
    struct run *runs;
    size_t slots;
    bool failed; /* our own fault: no memory, no supervisor */
};

static volatile sig_atomic_t interrupted;
static int interrupt_event = -1; /* an eventfd, readable for ever once interrupted */

static void on_interrupt_signal(int number)
{
    const int saved = errno;
    (void)number;
    interrupted = 1;
    if (write(interrupt_event, &(uint64_t){1}, sizeof(uint64_t)) < 0) {
        /* it can only be full, and then it is readable */
    }
    errno = saved;
}

void process_catch_interrupts(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_interrupt_signal, .sa_flags = SA_RESTART};
    interrupt_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

bool process_interrupted(void)
{
    return interrupted != 0;
}

void process_release(struct process_result *result)
{
    free(result->out);
    free(result->err);
    *result = (struct process_result){0};
}

/* Ends what a killed supervisor has left to us. Returns false when there was nothing. */
static bool kill_strays(pid_t *pids)
{
    bool found = false;
    const pid_t self = getpid(), session = getsid(0);
    const size_t count = process_tree_list(self, pids, STRAYS_MAX / 2);
    for (size_t i = 1; i < count; i++) {
        struct process_stat stat;
        if (!process_tree_stat(pids[i], &stat) || stat.parent != self || stat.session == session)
            continue;
        found = true;
        pid_t *below = pids + STRAYS_MAX / 2;
        kill(-stat.session, SIGKILL);
        const size_t below_count = process_tree_freeze(pids[i], true, below, STRAYS_MAX / 4);
        for (size_t k = 0; k < below_count; k++)
            kill(below[k], SIGKILL);
        waitpid(pids[i], NULL, WNOHANG);
    }
    return found;
}

static void end_strays(void)
{
    pid_t *pids = malloc(STRAYS_MAX * sizeof *pids);
    const uint64_t end = uv_hrtime() + STRAYS_MS * 1000000ull;
    while (pids != NULL && kill_strays(pids) && uv_hrtime() < end)
        nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
    free(pids);
}

static void start_next(struct run *run);

static void on_close(uv_handle_t *handle)
{
    struct run *run = handle->data;
    if (--run->open_handles > 0)
        return;
    process_output_release(&run->out);
    process_output_release(&run->err);
    for (int i = 0; i < 2; i++)
        if (run->go[i] >= 0)
            close(run->go[i]);
    start_next(run);
}

static void close_handles(struct run *run)
{
    for (int role = 0; role < ROLES; role++)
        if (run->channels[role].used)
            uv_close((uv_handle_t *)&run->channels[role].pipe, on_close);
    uv_close((uv_handle_t *)&run->timer, on_close);
    if (run->spawned)
        uv_close((uv_handle_t *)&run->supervisor, on_close);
}

static void on_last_resort(uv_timer_t *timer)
{
    struct run *run = timer->data;
    uv_process_kill(&run->supervisor, SIGKILL);
}

/* Ends the program; the first reason counts. */
static void end_run(struct run *run, enum process_end why)
{
    if (run->must_end || !run->alive)
        return;
    run->must_end = true;
    run->why = why;
    uv_process_kill(&run->supervisor, SIGTERM);
    uv_process_kill(&run->supervisor, SIGCONT); /* a hostile program may have stopped it */
    uv_update_time(&run->batch->loop);
    uv_timer_start(&run->timer, on_last_resort, LAST_RESORT_MS, 0);
}

static void end_all(struct batch *batch, enum process_end why)
{
    for (size_t i = 0; i < batch->slots; i++)
        end_run(&batch->runs[i], why);
}

static void fail(struct batch *batch)
{
    batch->failed = true;
    end_all(batch, PROCESS_INTERRUPTED);
}

static void on_deadline(uv_timer_t *timer)
{
    struct run *run = timer->data;
    if (run->spec.on_deadline != NULL && run->record.program > 0 && !run->ended)
        run->spec.on_deadline(run->record.program, run->spec.context);
    end_run(run, PROCESS_TIMED_OUT);
}

static void note_record(struct run *run)
{
    memcpy(&run->record, run->record_part, sizeof run->record);
    if (run->record.kind != SUPERVISE_STARTED)
        run->ended = true;
    else if (run->spec.stopwatch)
        process_stopwatch_know(&run->watch, run->record.program);
}

static void hear_record(struct run *run, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        run->record_part[run->record_bytes++] = bytes[i];
        if (run->record_bytes == sizeof run->record_part) {
            run->record_bytes = 0;
            note_record(run);
        }
    }
}

static void deliver(struct run *run, enum role role, const char *bytes, size_t size, uint64_t arrival)
{
    switch (role) {
    case ROLE_OUT:
        process_output_add(&run->out, bytes, size);
        break;
    case ROLE_ERR:
        process_output_add(&run->err, bytes, size);
        break;
    case ROLE_RECORD:
        hear_record(run, bytes, size);
        break;
    case ROLE_STOPWATCH:
        process_stopwatch_hear(&run->watch, bytes, size, arrival);
        break;
    case ROLES:
        break;
    }
}

static bool flooded(const struct run *run)
{
    return run->out.bytes + run->err.bytes > run->spec.output_limit;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct run *run = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(run->buffer, sizeof run->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    const uint64_t arrival = uv_hrtime();
    struct run *run = stream->data;
    if (size < 0)
        uv_read_stop(stream);
    for (int role = 0; size > 0 && role < ROLES; role++)
        if (stream == (uv_stream_t *)&run->channels[role].pipe)
            deliver(run, (enum role)role, buffer->base, (size_t)size, arrival);
    if (flooded(run))
        end_run(run, PROCESS_FLOODED);
}

static void drain_channel(struct run *run, enum role role)
{
    uv_os_fd_t fd;
    uv_stream_t *stream = (uv_stream_t *)&run->channels[role].pipe;
    uv_read_stop(stream);
    uv_fileno((uv_handle_t *)stream, &fd);
    for (int round = 0; round < DRAIN_ROUNDS; round++) {
        const ssize_t size = read(fd, run->buffer, sizeof run->buffer);
        if (size > 0)
            deliver(run, role, run->buffer, (size_t)size, uv_hrtime());
        else if (size == 0 || errno != EINTR)
            return;
    }
}

/* Reads what is left in the pipes without waiting for their end: a descriptor may have been sent out of the tree. */
static void drain(struct run *run)
{
    for (int role = 0; role < ROLES; role++)
        if (run->channels[role].used)
            drain_channel(run, (enum role)role);
}

static void settle_stopwatch(struct run *run)
{
    const struct process_stopwatch *watch = &run->watch;
    if (watch->state != STOPWATCH_DONE)
        return;
    const double cpu_end = watch->cpu_end >= 0 ? watch->cpu_end : run->record.cpu_seconds;
    run->result->answered = true;
    run->result->answer = watch->answer;
    run->result->timed_seconds = (double)(watch->end - watch->start) / 1e9;
    run->result->timed_cpu = cpu_end - watch->cpu_start;
}

/* The program's own end, as its supervisor saw it. */
static void settle_status(struct process_result *result, int status)
{
    result->end = WIFEXITED(status) ? PROCESS_EXITED : PROCESS_SIGNALED;
    result->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

static void settle_end(struct run *run)
{
    struct process_result *result = run->result;
    const struct supervise_record *record = &run->record;
    const bool in_time = run->ended && record->by_itself && record->seconds < run->spec.deadline;
    if (run->ended && record->kind == SUPERVISE_NOT_STARTED) {
        result->end = PROCESS_NOT_STARTED;
        result->code = record->code;
    } else if (flooded(run)) {
        result->end = PROCESS_FLOODED;
    } else if (run->ended && record->too_many) {
        result->end = PROCESS_TOO_MANY;
    } else if (run->must_end && !in_time) {
        result->end = run->why;
    } else if (run->ended) {
        settle_status(result, record->code);
    } else { /* the supervisor was killed, and its program with it */
        result->end = process_interrupted() ? PROCESS_INTERRUPTED : PROCESS_SIGNALED;
        result->code = process_interrupted() ? 0 : SIGKILL;
    }
}

static void settle(struct run *run)
{
    struct process_result *result = run->result;
    settle_end(run);
    result->seconds =
        run->ended && run->record.seconds > 0 ? run->record.seconds : (double)(uv_hrtime() - run->start) / 1e9;
    result->usage = run->record.usage;
    result->left_behind = run->record.left_behind;
    result->out = process_output_text(&run->out);
    result->err = process_output_text(&run->err);
    result->out_bytes = run->out.bytes;
    result->err_bytes = run->err.bytes;
    settle_stopwatch(run);
    if (result->out == NULL || result->err == NULL)
        fail(run->batch);
}

static void on_exit_of_supervisor(uv_process_t *supervisor, int64_t status, int signal_number)
{
    struct run *run = supervisor->data;
    (void)status;
    (void)signal_number;
    run->alive = false;
    uv_timer_stop(&run->timer);
    drain(run);
    if (!run->ended)
        end_strays();
    settle(run);
    close_handles(run);
}

/* Makes the pipe of `role`; `far` becomes the end for the supervisor. */
static bool open_channel(struct run *run, enum role role, int *far)
{
    struct channel *channel = &run->channels[role];
    uv_file ends[2];
    if (uv_pipe(ends, 0, 0) != 0)
        return false;
    *far = ends[1];
    uv_pipe_init(&run->batch->loop, &channel->pipe, 0);
    channel->pipe.data = run;
    channel->used = true;
    run->open_handles++;
    if (uv_pipe_open(&channel->pipe, ends[0]) == 0)
        return true;
    close(ends[0]);
    return false;
}

enum { FAR_ENDS = SUPERVISE_FROM_GRADER + 1 };

/* Fills the descriptors the supervisor is to have, by number; -1: none. */
static bool open_channels(struct run *run, int far[FAR_ENDS])
{
    if (!open_channel(run, ROLE_OUT, &far[STDOUT_FILENO]) || !open_channel(run, ROLE_ERR, &far[STDERR_FILENO]) ||
        !open_channel(run, ROLE_RECORD, &far[SUPERVISE_RECORD]))
        return false;
    if (!run->spec.stopwatch)
        return true;
    if (!open_channel(run, ROLE_STOPWATCH, &far[SUPERVISE_TO_GRADER]) || uv_pipe(run->go, 0, 0) != 0)
        return false;
    run->watch.go = run->go[1];
    far[SUPERVISE_FROM_GRADER] = run->go[0];
    return true;
}

static bool spawn(struct run *run, const int far[FAR_ENDS])
{
    struct process_launch launch;
    uv_stdio_container_t stdio[FAR_ENDS];
    if (!process_launch_init(&launch, &run->spec))
        return false;
    for (int i = 0; i < FAR_ENDS; i++) {
        stdio[i].flags = far[i] < 0 ? UV_IGNORE : UV_INHERIT_FD;
        stdio[i].data.fd = far[i];
    }
    const uv_process_options_t options = {.exit_cb = on_exit_of_supervisor,
                                          .file = launch.file,
                                          .args = launch.arguments,
                                          .env = launch.environment,
                                          .stdio = stdio,
                                          .stdio_count = FAR_ENDS};
    const int error = uv_spawn(&run->batch->loop, &run->supervisor, &options);
    run->supervisor.data = run;
    run->alive = error == 0;
    run->spawned = true; /* the handle is there in any case, and wants to be closed */
    run->open_handles++;
    process_launch_release(&launch);
    return error == 0;
}

static void watch_run(struct run *run)
{
    for (int role = 0; role < ROLES; role++)
        if (run->channels[role].used)
            uv_read_start((uv_stream_t *)&run->channels[role].pipe, give_buffer, on_read);
    const double ms = run->spec.deadline * 1e3;
    uv_update_time(&run->batch->loop);
    uv_timer_start(&run->timer, on_deadline, ms > 0 ? (uint64_t)(ms + 0.5) : 0, 0);
}

static void init_run(struct run *run, struct batch *batch, size_t index)
{
    *run = (struct run){.batch = batch, .go = {-1, -1}, .result = &batch->results[index]};
    run->spec = process_launch_defaults(&batch->specs[index]);
    run->start = uv_hrtime();
    uv_timer_init(&batch->loop, &run->timer);
    run->timer.data = run;
    run->open_handles = 1;
}

static void start_run(struct run *run, struct batch *batch, size_t index)
{
    int far[FAR_ENDS] = {-1, -1, -1, -1, -1, -1};
    init_run(run, batch, index);
    const bool good = process_output_init(&run->out, run->spec.output_keep) &&
                      process_output_init(&run->err, run->spec.output_keep) && open_channels(run, far) &&
                      spawn(run, far);
    for (int i = 0; i < FAR_ENDS; i++)
        if (far[i] >= 0 && far[i] != run->go[0])
            close(far[i]);
    if (good) {
        watch_run(run);
        return;
    }
    close_handles(run);
    fail(batch);
}

/* Lets the slot `run` take the next program, if there is one. */
static void start_next(struct run *run)
{
    struct batch *batch = run->batch;
    if (batch->next < batch->count && !batch->failed && !process_interrupted())
        start_run(run, batch, batch->next++);
}

static void on_interrupt(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    end_all(poll->data, PROCESS_INTERRUPTED);
}

static bool watch_interrupts(struct batch *batch)
{
    if (interrupt_event < 0)
        return true;
    if (uv_poll_init(&batch->loop, &batch->interrupt, interrupt_event) != 0)
        return false;
    batch->interrupt.data = batch;
    uv_poll_start(&batch->interrupt, UV_READABLE, on_interrupt);
    uv_unref((uv_handle_t *)&batch->interrupt); /* the loop ends when the last program has */
    return true;
}

/* Gives what was never started its results. */
static bool settle_rest(struct batch *batch)
{
    for (size_t i = batch->next; i < batch->count; i++) {
        batch->results[i] = (struct process_result){.end = PROCESS_INTERRUPTED, .out = strdup(""), .err = strdup("")};
        if (batch->results[i].out == NULL || batch->results[i].err == NULL)
            return false;
    }
    return true;
}

static bool run_loop(struct batch *batch)
{
    if (!watch_interrupts(batch))
        return false;
    for (size_t i = 0; i < batch->slots; i++) {
        batch->runs[i].batch = batch;
        start_next(&batch->runs[i]);
    }
    uv_run(&batch->loop, UV_RUN_DEFAULT);
    if (interrupt_event >= 0)
        uv_close((uv_handle_t *)&batch->interrupt, NULL);
    uv_run(&batch->loop, UV_RUN_DEFAULT);
    return !batch->failed && settle_rest(batch);
}

bool process_run(const struct process_spec *specs, size_t count, size_t jobs, struct process_result *results)
{
    struct batch batch = {.specs = specs, .results = results, .count = count};
    bool good = false;
    if (count == 0)
        return true;
    memset(results, 0, count * sizeof *results);
    batch.slots = jobs < 1 ? 1 : jobs < count ? jobs : count;
    batch.runs = calloc(batch.slots, sizeof *batch.runs);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (batch.runs != NULL && uv_loop_init(&batch.loop) == 0) {
        good = run_loop(&batch);
        uv_loop_close(&batch.loop);
    }
    for (size_t i = 0; !good && i < count; i++)
        process_release(&results[i]);
    free(batch.runs);
    return good;
}
