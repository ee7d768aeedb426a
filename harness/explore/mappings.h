/* mappings.h: memory of mmap: shared with processes forked later, or the process's own. */
#ifndef EXPLORE_MAPPINGS_H
#define EXPLORE_MAPPINGS_H

#include <stddef.h>

/* mappings_reset: nothing is mapped; before each run. */
void mappings_reset(void);

/* mappings_shared: `size` zeroed bytes, whole pages, that all processes see at the same address until the run ends. */
char *mappings_shared(size_t size);

#endif
