/* first.c: linked before the program's objects; region.c takes the addresses as the lower bounds. */
#include "marks.h"

char explore_first_data[16] __attribute__((aligned(16))) = {1};
char explore_first_bss[16] __attribute__((aligned(16)));
_Thread_local char explore_first_tdata[16] __attribute__((aligned(16))) = {1};
_Thread_local char explore_first_tbss[16] __attribute__((aligned(16)));
