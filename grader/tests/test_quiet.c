#include <criterion/criterion.h>

#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../directory.h"
#include "../process.h"
#include "../quiet.h"

/* Forks a process that enters with its locks in directory `locks`, says so through the pipe, and stays until it is
 * killed. */
static pid_t enter_in_another_process(const char *locks, bool alone, int *says)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        process_catch_interrupts();
        const struct quiet held = quiet_enter_in(locks, alone);
        if (write(ends[1], held.quiet >= 0 ? "y" : "n", 1) != 1)
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

Test(quiet, stages_run_side_by_side_and_a_measurement_waits_for_all_of_them)
{
    int first, second, measurement, late;
    char locks[] = "/tmp/lockstep-test-XXXXXX";
    cr_assert_not_null(mkdtemp(locks));
    const pid_t a = enter_in_another_process(locks, false, &first);
    cr_assert(has_entered(first, 30000), "the first may enter when no other grader measures");
    const pid_t b = enter_in_another_process(locks, false, &second);
    cr_expect(has_entered(second, 30000), "stages that need no quiet run side by side");
    const pid_t c = enter_in_another_process(locks, true, &measurement);
    cr_expect(!has_entered(measurement, 200), "a measurement waits for them");
    const pid_t d = enter_in_another_process(locks, false, &late);
    cr_expect(has_entered(late, 30000), "and lets newcomers pass");
    end(a);
    end(b);
    cr_expect(!has_entered(measurement, 200), "it waits for those, too");
    end(d);
    cr_expect(has_entered(measurement, 30000), "locks of dead processes are gone");
    end(c);
    directory_remove(locks);
}

Test(quiet, measurements_that_have_gathered_go_before_newcomers)
{
    int stage, first, second, late;
    char locks[] = "/tmp/lockstep-test-XXXXXX";
    cr_assert_not_null(mkdtemp(locks));
    const pid_t a = enter_in_another_process(locks, false, &stage);
    cr_assert(has_entered(stage, 30000));
    const pid_t b = enter_in_another_process(locks, true, &first);
    const pid_t c = enter_in_another_process(locks, true, &second);
    cr_expect(!has_entered(first, 200));
    end(a);
    struct pollfd both[] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    cr_assert_eq(poll(both, 2, 30000), 1, "one of them measures");
    const bool first_leads = both[0].revents != 0;
    const pid_t d = enter_in_another_process(locks, false, &late);
    cr_expect(!has_entered(late, 200), "a newcomer waits while one measures");
    end(first_leads ? b : c);
    cr_expect(has_entered(first_leads ? second : first, 30000), "the other measurement is next");
    cr_expect(!has_entered(late, 200), "and goes before the newcomer");
    end(first_leads ? c : b);
    cr_expect(has_entered(late, 30000));
    end(d);
    directory_remove(locks);
}

/* Interrupts again and again: one may come just before the call that blocks. */
static bool gives_up(pid_t child, int says)
{
    struct pollfd news = {.fd = says, .events = POLLIN};
    char byte = 'y';
    for (int i = 0; i < 100 && news.revents == 0; i++) {
        kill(child, SIGTERM);
        poll(&news, 1, 300);
    }
    return news.revents != 0 && read(says, &byte, 1) == 1 && byte == 'n';
}

Test(quiet, who_waits_is_interrupted)
{
    int stage, measurement, late;
    char locks[] = "/tmp/lockstep-test-XXXXXX";
    cr_assert_not_null(mkdtemp(locks));
    const pid_t a = enter_in_another_process(locks, false, &stage);
    cr_assert(has_entered(stage, 30000));
    const pid_t b = enter_in_another_process(locks, true, &measurement);
    cr_expect(!has_entered(measurement, 200));
    cr_expect(gives_up(b, measurement), "a measurement that waits for others");
    end(b);
    end(a);
    const pid_t c = enter_in_another_process(locks, true, &measurement);
    cr_assert(has_entered(measurement, 30000));
    const pid_t d = enter_in_another_process(locks, false, &late);
    cr_expect(!has_entered(late, 200));
    cr_expect(gives_up(d, late), "a stage that waits for a measurement");
    end(d);
    end(c);
    directory_remove(locks);
}
