/*
 * counter.h: a counter that many threads share, and a count that many threads share out.
 *
 * This is the contract: the tests check what stands here and nothing else. Do not edit it.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/* Yours to define in counter.c: what a counter is made of. */
struct counter;

/* counter_create: makes a counter that stands at 0. The caller owns it and gives it back with
 * counter_free. Returns NULL if memory, or what else a counter is made of, runs out. Does not block.
 * Thread safe. Counters have nothing to do with one another. */
struct counter *counter_create(void);

/* counter_free: releases all that belongs to `counter`, which may be NULL (then nothing happens).
 * No other call on this counter may be running or follow. Does not block. */
void counter_free(struct counter *counter);

/* counter_increment: adds 1.
 * counter_add: adds `amount`, which may be negative or 0.
 * Any number of threads may call both on one counter at the same time, and no update is lost. The
 * caller sees to it that the value stays within int64_t. Cannot fail. May wait for calls of other
 * threads that are under way, and a signal that the program handles meanwhile changes nothing; when
 * it returns it holds nothing that others could wait for. */
void counter_increment(struct counter *counter);
void counter_add(struct counter *counter, int64_t amount);

/* counter_value: what the counter stands at. May be called at any time, also while other threads
 * increment and add. The value contains each update whose call returned before this call began, and
 * none whose call began after this one returned; an update under way at the same time may be in it
 * or not. Cannot fail. Waits as counter_increment does. */
int64_t counter_value(struct counter *counter);

/* A property of integers. It may be called by several threads at the same time, may block, and may
 * itself call the functions of this header. Its cost does not depend on `number`, by and large. */
typedef bool counter_predicate(int64_t number);

/* counter_count: how many of the integers 0, 1, ..., n-1 satisfy `predicate`. n is 0 to 2^48; for
 * n = 0 the result is 0.
 *
 * The work is shared out over `threads` threads that do it at the same time; whether the calling
 * thread is one of them or only waits is up to you. `threads` is 0 to 64 and may be greater than n;
 * 0 is taken as 1. The integers may be given out in blocks: threads may go without where there are
 * fewer than 10000 for each. Nearly as fast as the cores allow even if `predicate` takes only ten
 * nanoseconds: no lock is taken for each number, and nothing is written for each number that another
 * thread also uses, or that shares a cache line (64 bytes) with what another one uses meanwhile.
 *
 * `predicate` is called exactly once for each of the integers and for no other, in any order, on any
 * thread; never are more than `threads` calls of it under way at once.
 *
 * Blocks until the count is complete. A signal that the program handles meanwhile changes nothing.
 * When it returns, every thread that it started has ended and has been cleaned up (joined, or
 * detached from the start), and nothing that it allocated is left.
 * Thread safe: several calls may run at the same time, and each gets its own result.
 *
 * Returns the count. If a thread cannot be started or memory runs out, it returns -1 or, if it can
 * get the work done without, the count all the same; never any other number. Before -1 is returned
 * `predicate` may have been called for some of the integers, for none of them twice. */
int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads);

#endif
