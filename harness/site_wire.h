/*
 * site_wire.h: what site.c and the program `site` say to each other over their socket pair. Both are
 * built from this header for the same machine, so structures travel as they are. The site's end is its
 * descriptor 0.
 *
 *     client                          site
 *     struct site_spec      ------>
 *                           <------   struct site_hello
 *     one of enum site_command  --->
 *                           <------   struct site_stats, after each command
 */
#ifndef HARNESS_SITE_WIRE_H
#define HARNESS_SITE_WIRE_H

#include <stdint.h>

#include "site.h"

enum site_command { SITE_STATS = 's', SITE_RESET = 'r', SITE_QUIT = 'q' };

struct site_hello {
    uint32_t port; /* of the start page, on 127.0.0.1 */
};

#endif
