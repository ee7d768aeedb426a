/*
 * pool.h: a pool of worker processes, the contract of lab04.
 *
 * The workers are made in advance and kept: pool_create forks them, each pool_map deals a list of
 * items out to them, pool_close sends them home. Caller and workers talk over pipes (or sockets).
 *
 *                  item                    result
 *     caller  ------------->  worker 1  ------------->
 *             ------------->  worker 2  ------------->  caller
 *             ------------->  worker 3  ------------->
 *
 * Rules for the whole module:
 *   - A process has at most one pool at a time and uses it from one thread.
 *   - A worker's memory is a copy of the caller's at pool_create. What the caller changes afterwards the
 *     workers do not see, and what they change the caller does not see, unless it lies in shared memory.
 *   - When the caller ends, however it ends (also by exit without pool_close, or by SIGKILL), the workers
 *     end by themselves; one that is busy may first finish the item it has.
 *   - Other children of the caller are left alone: they are neither waited for nor counted nor signalled. Those that
 *     it forks while it has a pool, and that have copies of the pool's descriptors, end before pool_close.
 *   - A signal that the caller handles while it is inside one of these functions disturbs nothing, and
 *     SIGPIPE never ends the caller. It may handle, ignore and block signals as it likes, SIGCHLD among them
 *     (which it does not ignore), and what it handles, ignores or blocks it does so after each call, too.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool; /* defined by you in pool.c */

/* What is done to one item. Runs in a worker. It may take any time, block, sleep, and end its process.
 * The address of a function of the program is the same in a forked worker, so it can be sent there. */
typedef int64_t pool_fn(int64_t input);

/* pool_create: forks `workers` processes (1 to 64) that wait for items.
 * Returns the pool, owned by the caller and to be released with pool_close. Returns NULL when memory, a
 * pipe or a process is not to be had; nothing is left behind then, as after pool_close. */
struct pool *pool_create(unsigned workers);

/* pool_map: sets outputs[i] to fn(inputs[i]) for each i below `count`, computed by the pool's workers, and
 * blocks until all are done. `inputs`, `outputs` and `failed` are arrays of `count` entries owned by the
 * caller. `count` may be 0, smaller than the number of workers, or a million.
 *
 *   - fn is called once for each item, always in one of the pool's workers, never in the caller.
 *   - A worker has one item at a time. As long as items are left, a worker that becomes free gets
 *     one at once: no item waits behind a busy worker while another worker is free.
 *   - The same workers serve all calls: the pool never has more than `workers` of them at once, and a
 *     worker is replaced only when it has died.
 *   - A worker that ends inside fn (by a signal or by _exit, whatever the status) costs its own item only:
 *     failed[i] becomes true, outputs[i] means nothing, the item is not tried again, and all other items are
 *     done. failed[i] is false for every item that was done.
 *   - A worker that died while it had no item, for instance between two calls, costs no item. An item that has
 *     been given to a worker which dies before it begins may count as failed or go to another worker.
 *   - Workers that died with an item are waited for, so that no zombie of theirs is left when pool_map returns;
 *     others by the time that their place is needed, at the latest in pool_close. Dead workers are replaced, so
 *     that each call has `workers` living workers to give items to, even if all died before. Where a process
 *     is not to be had for one, the others do its share, and the next call tries again.
 *
 * Returns how many items failed, 0 if none. */
size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count);

/* pool_close: ends the workers, waits for them and releases all that belongs to `pool`: no process, zombie,
 * descriptor, mapping or memory of it is left, nor anything with a name or a number in the system (shm_open, shmget,
 * semget and the like). Blocks until the workers have ended. NULL: does nothing. */
void pool_close(struct pool *pool);

#endif
