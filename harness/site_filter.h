/*
 * site_filter.h: the rights that the program `site` gives up before it hears the first word of a client.
 */
#ifndef HARNESS_SITE_FILTER_H
#define HARNESS_SITE_FILTER_H

#include <stdbool.h>

/* site_filter_install: from now on this process can use the descriptors it has and those it is sent, and memory: no
 * file can be opened, no program or thread started, no connection made, no process signalled (libseccomp); nobody
 * without privileges can trace it or read its memory. For good. False, with a message on stderr, if that cannot be. */
bool site_filter_install(void);

#endif
