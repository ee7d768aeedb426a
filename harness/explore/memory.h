/*
 * memory.h: shadow of the program's memory: who accessed which byte and when (data races), which bytes were
 * freed (use after free), which lie between blocks (out of bounds), and what synchronisation object lies where.
 *
 * Each 8 bytes have a cell; a cell holds records (bytes touched, thread, its clock, kind, place). A record is dropped
 * when a later access makes it needless: any access that would race with it would race with the later one, too. So
 * the check is exact, not a sample of the last few accesses. Cells of an earlier schedule are told by their number.
 */
#ifndef EXPLORE_MEMORY_H
#define EXPLORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access { ACCESS_READ = 0, ACCESS_WRITE = 1, ACCESS_ATOMIC = 2, ACCESS_FREE = 4, ACCESS_DESTROY = 8 };

void memory_open(void);

/* memory_access: the running thread touches `size` bytes at `address` in the way of `access` (enum access, or-ed). Ends
 * the run when that is a race, a use after free or out of bounds. Addresses that are not the program's variables, heap
 * or stacks are ignored. `pc`: return address into the program. */
void memory_access(uintptr_t address, size_t size, unsigned access, uintptr_t pc);

/* memory_free: marks `size` bytes as freed by the running thread; first checks that no other thread's access is
 * unordered with this. */
void memory_free(uintptr_t address, size_t size, uintptr_t pc);

/* memory_mark_outside: whether the bytes from `begin` up to `end`, of the heap, lie between blocks: who touches them
 * then has missed a block. */
void memory_mark_outside(uintptr_t begin, uintptr_t end, bool outside);

/* memory_attached: the slot where what the explorer knows about the thing of this kind at `address` is kept; NULL is in
 * the slot if nothing is known yet in this run. Ends the run if the memory was freed or is out of bounds; NULL if
 * `address` is not the program's memory. */
enum attached_kind { ATTACHED_OBJECT, ATTACHED_ATOMIC };
void **memory_attached(uintptr_t address, enum attached_kind kind, uintptr_t pc);

/* memory_use: the running thread uses the thing whose slot memory_attached has told in this run: memory_access with an
 * atomic read of its first byte. */
void memory_use(void **slot, uintptr_t pc);

#endif
