/* process.h: how the program ends. */
#ifndef EXPLORE_PROCESS_H
#define EXPLORE_PROCESS_H

#include <stdbool.h>

/* process_exit: exit(status) by the running thread: handlers, then the run is judged (status, threads never joined,
 * memory lost). */
_Noreturn void process_exit(int status);

/* process_thread_ended: the running thread has ended; if it was the last of its process, so does that, with status 0.
 */
void process_thread_ended(void);

/* process_get_state, process_set_state: what fork copies and each process changes for itself. */
enum { PROCESS_HANDLERS = 32 };
struct process_state {
    void (*handlers[PROCESS_HANDLERS])(void);
    int count;
    struct {
        void (*prepare)(void), (*parent)(void), (*child)(void);
    } forks[PROCESS_HANDLERS];
    int fork_count;
};
struct process_state process_get_state(void);
void process_set_state(struct process_state state);

/* process_before_fork, process_after_fork: call the handlers of pthread_atfork; the second in both processes. */
void process_before_fork(void);
void process_after_fork(bool in_child);

/* process_reset: no handlers; before each run. */
void process_reset(void);

/* process_main: the program's main with the arguments given to process_arguments (borrowed). */
void process_main(void);
void process_arguments(int count, char **arguments);

#endif
