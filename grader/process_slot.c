/*
 * process_slot.c: the life of one run.
 *
 *     start     pipes, supervisor, timer; or, by our own fault, straight to the last line
 *        |      on_read: output is kept, a record noted, the stopwatch served
 *        |      end: deadline, flood, interrupt: SIGTERM to the supervisor; 30 s later SIGKILL
 *     on_end    the record pipe has: so has the supervisor. The rest of the pipes is read, the result made, all handles
 *               closed
 *     on_close  the last handle is closed: the slot is free
 */
#include "process_slot.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "process_interrupt.h"
#include "process_launch.h"
#include "process_output.h"
#include "process_patience.h"
#include "process_stopwatch.h"
#include "process_tree.h"
#include "sandbox.h"
#include "supervise.h"

enum { LAST_RESORT_MS = 30000, BUFFER_BYTES = 64 * 1024, DRAIN_ROUNDS = 64 };

enum role { ROLE_OUT, ROLE_ERR, ROLE_RECORD, ROLE_STOPWATCH, ROLES };

struct channel {
    uv_pipe_t pipe;
    bool used;
};

struct process_slot {
    uv_loop_t *loop;
    process_slot_free_callback *on_free;
    void *context;
    bool good;                /* no fault of our own so far */
    struct process_spec spec; /* limits filled in */
    struct process_result *result;
    pid_t supervisor;
    uv_timer_t timer; /* a look at what counts towards the deadline, later the last resort */
    struct process_patience patience;
    uv_timer_t looks; /* at a program that is timed */
    struct channel channels[ROLES];
    int go[2]; /* both ends are kept: with a reader there is no SIGPIPE */
    struct process_output out, err;
    struct process_stopwatch watch;
    struct supervise_record record; /* the last one */
    size_t record_bytes;            /* of the record that is just coming */
    char record_part[sizeof(struct supervise_record)];
    bool alive;    /* the supervisor is, or has not been waited for: it can be sent signals */
    bool must_end; /* it was told to end, because of `why` */
    bool ended;    /* it has written its last record */
    enum process_end why;
    uint64_t start;
    int open_handles;
    char buffer[BUFFER_BYTES];
};

struct process_slot *process_slot_create(uv_loop_t *loop, process_slot_free_callback *on_free, void *context)
{
    struct process_slot *slot = calloc(1, sizeof *slot);
    if (slot != NULL)
        *slot = (struct process_slot){.loop = loop, .on_free = on_free, .context = context};
    return slot;
}

static void on_close(uv_handle_t *handle)
{
    struct process_slot *slot = handle->data;
    if (--slot->open_handles > 0)
        return;
    process_output_release(&slot->out);
    process_output_release(&slot->err);
    process_activity_end(&slot->watch.activity);
    for (int i = 0; i < 2; i++)
        if (slot->go[i] >= 0)
            close(slot->go[i]);
    slot->on_free(slot, slot->good, slot->context);
}

static void close_handles(struct process_slot *slot)
{
    for (int role = 0; role < ROLES; role++)
        if (slot->channels[role].used)
            uv_close((uv_handle_t *)&slot->channels[role].pipe, on_close);
    uv_close((uv_handle_t *)&slot->timer, on_close);
    uv_close((uv_handle_t *)&slot->looks, on_close);
}

static void on_last_resort(uv_timer_t *timer)
{
    struct process_slot *slot = timer->data;
    kill(slot->supervisor, SIGKILL);
}

void process_slot_end(struct process_slot *slot, enum process_end why)
{
    if (slot->must_end || !slot->alive)
        return;
    slot->must_end = true;
    slot->why = why;
    kill(slot->supervisor, SIGTERM);
    kill(slot->supervisor, SIGCONT); /* a hostile program may have stopped it */
    uv_update_time(slot->loop);
    uv_timer_start(&slot->timer, on_last_resort, LAST_RESORT_MS, 0);
}

static void on_deadline(struct process_slot *slot)
{
    if (slot->spec.on_deadline != NULL && slot->record.program > 0 && !slot->ended)
        slot->spec.on_deadline(slot->record.program, slot->spec.context);
    process_slot_end(slot, PROCESS_TIMED_OUT);
}

static void on_patience(uv_timer_t *timer)
{
    struct process_slot *slot = timer->data;
    const uint64_t ms = process_patience_look(&slot->patience);
    uv_update_time(slot->loop);
    if (ms > 0)
        uv_timer_start(timer, on_patience, ms, 0);
    else
        on_deadline(slot);
}

/* Once for the start of the supervisor and again for the start of the program, which has all of the time. */
static void start_deadline(struct process_slot *slot)
{
    process_patience_start(&slot->patience, slot->supervisor, slot->spec.deadline);
    on_patience(&slot->timer);
}

static void on_look(uv_timer_t *looks)
{
    struct process_slot *slot = looks->data;
    process_stopwatch_look(&slot->watch);
}

static void note_record(struct process_slot *slot)
{
    memcpy(&slot->record, slot->record_part, sizeof slot->record);
    if (slot->record.kind != SUPERVISE_STARTED) {
        slot->ended = true;
        return;
    }
    if (!slot->must_end && slot->alive)
        start_deadline(slot);
    if (slot->spec.stopwatch) {
        process_stopwatch_know(&slot->watch, slot->record.program, slot->supervisor);
        uv_timer_start(&slot->looks, on_look, PROCESS_ACTIVITY_MS, PROCESS_ACTIVITY_MS);
    }
}

static void hear_record(struct process_slot *slot, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        slot->record_part[slot->record_bytes++] = bytes[i];
        if (slot->record_bytes == sizeof slot->record_part) {
            slot->record_bytes = 0;
            note_record(slot);
        }
    }
}

static void deliver(struct process_slot *slot, enum role role, const char *bytes, size_t size, uint64_t arrival)
{
    switch (role) {
    case ROLE_OUT:
        process_output_add(&slot->out, bytes, size);
        break;
    case ROLE_ERR:
        process_output_add(&slot->err, bytes, size);
        break;
    case ROLE_RECORD:
        hear_record(slot, bytes, size);
        break;
    case ROLE_STOPWATCH:
        process_stopwatch_hear(&slot->watch, bytes, size, arrival);
        break;
    case ROLES:
        break;
    }
}

static bool flooded(const struct process_slot *slot)
{
    return slot->out.bytes + slot->err.bytes > slot->spec.output_limit;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct process_slot *slot = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(slot->buffer, sizeof slot->buffer);
}

static void drain_channel(struct process_slot *slot, enum role role)
{
    uv_os_fd_t fd;
    uv_stream_t *stream = (uv_stream_t *)&slot->channels[role].pipe;
    uv_read_stop(stream);
    uv_fileno((uv_handle_t *)stream, &fd);
    for (int round = 0; round < DRAIN_ROUNDS; round++) {
        const ssize_t size = read(fd, slot->buffer, sizeof slot->buffer);
        if (size > 0)
            deliver(slot, role, slot->buffer, (size_t)size, uv_hrtime());
        else if (size == 0 || errno != EINTR)
            return;
    }
}

/* Reads what is left in the pipes without waiting for their end: a descriptor may have been sent out of the tree. */
static void drain(struct process_slot *slot)
{
    for (int role = 0; role < ROLES; role++)
        if (slot->channels[role].used)
            drain_channel(slot, (enum role)role);
}

static void settle_stopwatch(struct process_slot *slot)
{
    const struct process_stopwatch *watch = &slot->watch;
    if (watch->state != STOPWATCH_DONE)
        return;
    const double cpu_end = watch->cpu_end >= 0 ? watch->cpu_end : slot->record.cpu_seconds;
    slot->result->answered = true;
    slot->result->answer = watch->answer;
    slot->result->timed_seconds = (double)(watch->end - watch->start) / 1e9;
    slot->result->timed_cpu = cpu_end - watch->cpu_start;
    slot->result->tree_cpu = watch->activity.cpu;
    slot->result->quiet_seconds =
        process_activity_quiet_seconds(watch->activity.asleep, watch->activity.cpu, watch->activity.parallel);
}

/* The program's own end, as its supervisor saw it. */
static void settle_status(struct process_result *result, int status)
{
    result->end = WIFEXITED(status) ? PROCESS_EXITED : PROCESS_SIGNALED;
    result->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

static void settle_end(struct process_slot *slot)
{
    struct process_result *result = slot->result;
    const struct supervise_record *record = &slot->record;
    const double excused = process_patience_excused(&slot->patience);
    const bool in_time = slot->ended && record->by_itself && record->seconds < slot->spec.deadline + excused;
    if (slot->ended && record->kind == SUPERVISE_NOT_STARTED) {
        result->end = PROCESS_NOT_STARTED;
        result->code = record->code;
    } else if (slot->ended && record->too_many) {
        result->end = PROCESS_TOO_MANY;
    } else if (slot->ended && record->out_of_memory) {
        result->end = PROCESS_OUT_OF_MEMORY;
    } else if (slot->ended && record->out_of_cpu) {
        result->end = PROCESS_OUT_OF_CPU;
    } else if (slot->must_end && !in_time) {
        result->end = slot->why;
    } else if (flooded(slot)) { /* even if it had ended before it could be killed: the same on every run */
        result->end = PROCESS_FLOODED;
    } else if (slot->ended) {
        settle_status(result, record->code);
    } else { /* the supervisor was killed, and its program with it */
        result->end = process_interrupted() ? PROCESS_INTERRUPTED : PROCESS_SIGNALED;
        result->code = process_interrupted() ? 0 : SIGKILL;
    }
}

static _Atomic uint64_t programs_us;

double process_programs_cpu_seconds(void)
{
    return (double)programs_us / 1e6;
}

static void settle(struct process_slot *slot)
{
    struct process_result *result = slot->result;
    settle_end(slot);
    result->seconds =
        slot->ended && slot->record.seconds > 0 ? slot->record.seconds : (double)(uv_hrtime() - slot->start) / 1e9;
    result->excused_seconds = process_patience_excused(&slot->patience);
    result->usage = slot->record.usage;
    programs_us += (uint64_t)(slot->record.all_cpu * 1e6);
    result->cpu_seconds = slot->record.tree_cpu;
    result->memory_bytes = slot->record.tree_memory;
    result->group = slot->record.group;
    result->program = slot->record.program;
    result->left_behind = slot->record.left_behind;
    result->out = process_output_text(&slot->out);
    result->err = process_output_text(&slot->err);
    result->out_bytes = slot->out.bytes;
    result->err_bytes = slot->err.bytes;
    settle_stopwatch(slot);
    if (result->out == NULL || result->err == NULL)
        slot->good = false;
}

/* Only the supervisor holds the other end of the record pipe. */
static void on_end(struct process_slot *slot)
{
    while (waitpid(slot->supervisor, NULL, 0) < 0 && errno == EINTR) {
    }
    slot->alive = false;
    uv_timer_stop(&slot->timer);
    uv_timer_stop(&slot->looks);
    drain(slot);
    if (!slot->ended) {
        cgroup_sweep_own();
        process_tree_end_strays();
    }
    settle(slot);
    close_handles(slot);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    const uint64_t arrival = uv_hrtime();
    struct process_slot *slot = stream->data;
    if (size < 0)
        uv_read_stop(stream);
    for (int role = 0; size > 0 && role < ROLES; role++)
        if (stream == (uv_stream_t *)&slot->channels[role].pipe)
            deliver(slot, (enum role)role, buffer->base, (size_t)size, arrival);
    if (flooded(slot))
        process_slot_end(slot, PROCESS_FLOODED);
    if (size < 0 && stream == (uv_stream_t *)&slot->channels[ROLE_RECORD].pipe)
        on_end(slot);
}

/* Makes the pipe of `role`; `far` becomes the end for the supervisor. */
static bool open_channel(struct process_slot *slot, enum role role, int *far)
{
    struct channel *channel = &slot->channels[role];
    uv_file ends[2];
    if (uv_pipe(ends, 0, 0) != 0)
        return false;
    *far = ends[1];
    uv_pipe_init(slot->loop, &channel->pipe, 0);
    channel->pipe.data = slot;
    channel->used = true;
    slot->open_handles++;
    if (uv_pipe_open(&channel->pipe, ends[0]) == 0)
        return true;
    close(ends[0]);
    return false;
}

enum { FAR_ENDS = SUPERVISE_FILTER + 1 };

/* Fills the descriptors the supervisor is to have, by number; -1: none. */
static bool open_channels(struct process_slot *slot, int far[FAR_ENDS])
{
    if (!open_channel(slot, ROLE_OUT, &far[STDOUT_FILENO]) || !open_channel(slot, ROLE_ERR, &far[STDERR_FILENO]) ||
        !open_channel(slot, ROLE_RECORD, &far[SUPERVISE_RECORD]))
        return false;
    if (!slot->spec.stopwatch)
        return true;
    if (!open_channel(slot, ROLE_STOPWATCH, &far[SUPERVISE_TO_GRADER]) || uv_pipe(slot->go, 0, 0) != 0)
        return false;
    slot->watch.go = slot->go[1];
    far[SUPERVISE_FROM_GRADER] = slot->go[0];
    return true;
}

static bool spawn(struct process_slot *slot, const int far[FAR_ENDS])
{
    struct process_launch launch;
    if (!process_launch_init(&launch, &slot->spec))
        return false;
    int descriptors[FAR_ENDS];
    memcpy(descriptors, far, sizeof descriptors);
    if (launch.sandbox != NULL)
        descriptors[SUPERVISE_FILTER] = sandbox_filter();
    slot->supervisor = process_launch_start(&launch, descriptors, FAR_ENDS);
    slot->alive = slot->supervisor > 0;
    process_launch_release(&launch);
    return slot->alive;
}

static void begin(struct process_slot *slot)
{
    for (int role = 0; role < ROLES; role++)
        if (slot->channels[role].used)
            uv_read_start((uv_stream_t *)&slot->channels[role].pipe, give_buffer, on_read);
    start_deadline(slot);
}

static void reset(struct process_slot *slot, const struct process_spec *spec, struct process_result *result)
{
    *slot = (struct process_slot){.loop = slot->loop, .on_free = slot->on_free, .context = slot->context, .good = true};
    slot->go[0] = slot->go[1] = -1;
    slot->result = result;
    slot->spec = process_launch_defaults(spec);
    slot->start = uv_hrtime();
    uv_timer_init(slot->loop, &slot->timer);
    uv_timer_init(slot->loop, &slot->looks);
    slot->timer.data = slot->looks.data = slot;
    slot->open_handles = 2;
}

void process_slot_start(struct process_slot *slot, const struct process_spec *spec, struct process_result *result)
{
    int far[FAR_ENDS] = {-1, -1, -1, -1, -1, -1, -1};
    reset(slot, spec, result);
    slot->good = process_output_init(&slot->out, slot->spec.output_keep) &&
                 process_output_init(&slot->err, slot->spec.output_keep) && open_channels(slot, far) &&
                 spawn(slot, far);
    for (int i = 0; i < FAR_ENDS; i++)
        if (far[i] >= 0 && far[i] != slot->go[0])
            close(far[i]);
    if (slot->good)
        begin(slot);
    else
        close_handles(slot);
}
