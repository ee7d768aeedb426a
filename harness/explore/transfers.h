/* transfers.h: bytes into and out of open files: what read, write, send, recv and their kin have in common. */
#ifndef EXPLORE_TRANSFERS_H
#define EXPLORE_TRANSFERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* transfer_in: read(2) or recv(2) with `flags` (MSG_*). transfer_out: write(2) or send(2), on anything but stdout and
 * stderr. Both return what the call returns, with errno. */
ssize_t transfer_in(int number, void *into, size_t size, int flags, uintptr_t pc);
ssize_t transfer_out(int number, const void *data, size_t size, int flags, uintptr_t pc);

#endif
