/* footprints.h: building what an operation touches, when that is more than two objects (schedule.h). */
#ifndef EXPLORE_FOOTPRINTS_H
#define EXPLORE_FOOTPRINTS_H

#include "descriptors.h"
#include "schedule.h"

/* footprint_make: room for `most` objects, none yet. footprint_add: one more. footprint_add_file: what a reader, a
 * writer or a watcher of `file` touches; or, if `closes`, what its last close does. */
struct footprint *footprint_make(unsigned most);
void footprint_add(struct footprint *footprint, uintptr_t object);
void footprint_add_file(struct footprint *footprint, const struct file *file, bool closes);

enum { FOOTPRINT_PER_FILE = 2 };

#endif
