/* marks.h: objects whose addresses bound the explored program's variables (the linker keeps the order of files). */
#ifndef EXPLORE_MARKS_H
#define EXPLORE_MARKS_H

extern char explore_first_data[16], explore_first_bss[16], explore_last_data[16], explore_last_bss[16];
extern _Thread_local char explore_first_tdata[16], explore_first_tbss[16], explore_last_tdata[16],
    explore_last_tbss[16];

#endif
