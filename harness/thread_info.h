/*
 * thread_info.h: what the kernel says about a thread, from /proc (Linux, proc(5)). All thread safe.
 *
 * `id` is a thread's number as gettid() gives it, or a process's, which stands for its first thread. It may be any of
 * the machine that /proc shows, not only one of the calling process.
 */
#ifndef HARNESS_THREAD_INFO_H
#define HARNESS_THREAD_INFO_H

/* thread_info_state: the kernel's letter for what a thread does: R when it runs or waits for a processor, D when it
 * waits for a device, S when it sleeps, T when it is stopped, Z when it is a process that has ended and was not waited
 * for; ? if there is none of this number (any more). Async-signal-safe. */
char thread_info_state(int id);

/* thread_info_parent: the parent of the process that the thread belongs to; -1 if there is none of this number, 0 if
 * /proc does not show the parent. Async-signal-safe. */
int thread_info_parent(int id);

/* thread_info_slices: how often a thread has been given a processor; 0 where the kernel does not say.
 * Async-signal-safe. */
long long thread_info_slices(int id);

/* thread_info_waited: nanoseconds in which a thread could have run and waited for a processor; 0 where the kernel does
 * not say. Async-signal-safe. */
long long thread_info_waited(int id);

/* thread_info_cpu: CPU time of a thread of the calling process in nanoseconds. Async-signal-safe. */
long long thread_info_cpu(int id);

/* thread_info_count: how many threads the process has, the caller included; one that has been joined may still be among
 * them for a moment. 0 if the kernel does not say. */
int thread_info_count(void);

/* thread_info_wait_asleep: blocks until all other threads of the process sleep or have ended, or `seconds` have passed.
 * A pause that lets the others do all they can do, however busy the machine is. Returns whether they sleep. */
_Bool thread_info_wait_asleep(double seconds);

#endif
