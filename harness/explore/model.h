/*
 * model.h: how a function the program calls is replaced: before linking, its objects' references to NAME are renamed to
 * x_NAME (symbols.def lists them), and MODEL(type, NAME, (parameters)) defines x_NAME. Only the program's own calls
 * come here; libc's and the explorer's own go to libc.
 */
#ifndef EXPLORE_MODEL_H
#define EXPLORE_MODEL_H

#include <errno.h>

#define MODEL(type, name, parameters)                                                                                  \
    type x_##name parameters;                                                                                          \
    type x_##name parameters

/* model_fail: how a system call says that it failed. */
static inline int model_fail(int error)
{
    errno = error;
    return -1;
}

#endif
