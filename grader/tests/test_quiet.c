#include <criterion/criterion.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../quiet.h"

/* Forks a process that enters, says so through the pipe, and stays until it is killed. */
static pid_t enter_in_another_process(bool alone, int *says)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int quiet = quiet_enter(alone);
        if (write(ends[1], quiet >= 0 ? "y" : "n", 1) != 1)
            _exit(1);
        alarm(60);
        for (;;)
            pause();
    }
    close(ends[1]);
    *says = ends[0];
    return child;
}

static bool has_entered(int says, int ms)
{
    struct pollfd news = {.fd = says, .events = POLLIN};
    char byte = 'n';
    return poll(&news, 1, ms) == 1 && read(says, &byte, 1) == 1 && byte == 'y';
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

Test(quiet, a_measurement_waits_for_others_and_keeps_newcomers_out)
{
    int first, second, measurement, late;
    const pid_t a = enter_in_another_process(false, &first);
    cr_assert(has_entered(first, 30000), "the first may enter when no other grader measures");
    const pid_t b = enter_in_another_process(false, &second);
    cr_expect(has_entered(second, 30000), "stages that need no quiet run side by side");
    const pid_t c = enter_in_another_process(true, &measurement);
    cr_expect(!has_entered(measurement, 200), "a measurement waits for them");
    const pid_t d = enter_in_another_process(false, &late);
    cr_expect(!has_entered(late, 200), "a newcomer waits for the measurement");
    end(a);
    end(b);
    cr_expect(has_entered(measurement, 30000), "locks of dead processes are gone");
    cr_expect(!has_entered(late, 200));
    end(c);
    cr_expect(has_entered(late, 30000));
    end(d);
}
