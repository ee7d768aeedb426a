#include "process_interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "process.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t interrupted;
static int event = -1;

static void on_interrupt_signal(int number)
{
    const int saved = errno;
    (void)number;
    interrupted = 1;
    if (write(event, &(uint64_t){1}, sizeof(uint64_t)) < 0) {
        /* it can only be full, and then it is readable */
    }
    errno = saved;
}

void process_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt_signal, .sa_flags = SA_RESTART};
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

void process_interrupt_calls(bool interrupt)
{
    for (size_t i = 0; event >= 0 && i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        sigaction(numbers[i], NULL, &action);
        action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
        sigaction(numbers[i], &action, NULL);
    }
}

bool process_interrupted(void)
{
    return interrupted != 0;
}

int process_interrupt_event(void)
{
    return event;
}
