/* last.c: linked after the program's objects; region.c takes the addresses as the upper bounds. */
#include "marks.h"

char explore_last_data[16] __attribute__((aligned(16))) = {1};
char explore_last_bss[16] __attribute__((aligned(16)));
_Thread_local char explore_last_tdata[16] __attribute__((aligned(16))) = {1};
_Thread_local char explore_last_tbss[16] __attribute__((aligned(16)));
