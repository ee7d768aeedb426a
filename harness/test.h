/*
 * test.h: how a lab's tests.c declares a Criterion test whose pass can be believed.
 *
 * A Criterion test passes when its process ends with status 0, so exit(0) inside the code under test
 * is a forged pass. LAB_TEST closes that hole: the body runs between lab_test_begin and lab_test_end,
 * the second writes a receipt, and the grader counts a test only if its receipt is there. exit, _exit
 * and quick_exit are wrapped at link time (see test.c) and fail the test when called in its process;
 * processes forked by the code under test may call them freely.
 *
 * A body may return early; it has then reached its end. A failed cr_assert leaves the body for good.
 */
#ifndef HARNESS_TEST_H
#define HARNESS_TEST_H

#include <criterion/criterion.h>
#include <stdint.h>

/* Declares the Criterion test `lab/test_name`; follow it with the body in braces. */
#define LAB_TEST(test_name)                                                                                            \
    static void test_name##_body(void);                                                                                \
    Test(lab, test_name)                                                                                               \
    {                                                                                                                  \
        lab_test_begin(#test_name);                                                                                    \
        test_name##_body();                                                                                            \
        lab_test_end();                                                                                                \
    }                                                                                                                  \
    static void test_name##_body(void)

/* lab_test_begin: marks this process as the one running test `name` (a string that outlives the
 * test) and installs the crash handlers of crash.h. Does not block. Call from the main thread. */
void lab_test_begin(const char *name);

/* lab_test_end: writes the receipt `end NAME`; from here on exit is allowed again. */
void lab_test_end(void);

/* lab_test_child_exit: ends a process that the test itself forked, at once and with `status` (0-255),
 * without running exit handlers. A child of a test must leave this way: one that returns or asserts
 * hangs the Criterion runner. Does not return. */
_Noreturn void lab_test_child_exit(int status);

#endif
