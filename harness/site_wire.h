/*
 * site_wire.h: what site.c and the program `site` say to each other. Both are built from this header for the same
 * machine, so structures travel as they are.
 *
 * The program has one service socket (SOCK_SEQPACKET), its descriptor 0, and serves many sites at once. A client asks
 * for one with a single message, so that clients need not agree who speaks; all else goes over a socket pair (`wire`)
 * the client has made for that. It makes the listening sockets, too: the site then answers in the client's network
 * without being in it.
 *
 *     client                                                    site
 *     service: struct site_spec, enum site_descriptor  ------>
 *     wire:                                            <------  struct site_hello
 *     wire:    one of enum site_command                ------>
 *                                                      <------  struct site_stats, after each command
 *                                                      <------  end of file: after SITE_QUIT nobody answers any more
 *
 * Whoever holds the service socket may ask, so nothing that comes is believed: what is no such message, or asks for
 * more than the limits below, is dropped, and so is a site whose client breaks the rules. A site ends with its wire,
 * the program when no client can come any more.
 */
#ifndef HARNESS_SITE_WIRE_H
#define HARNESS_SITE_WIRE_H

#include <stdint.h>

#include "site.h"

enum site_command { SITE_STATS = 's', SITE_RESET = 'r', SITE_QUIT = 'q' };

/* What the message brings (SCM_RIGHTS), in this order. */
enum site_descriptor {
    SITE_WIRE,     /* the site's end of the socket pair, SOCK_STREAM */
    SITE_LISTENER, /* for the site: TCP, bound to a port of 127.0.0.1, listening */
    SITE_STRANGER, /* the same, for the other site */
    SITE_DESCRIPTORS
};

enum {
    SITE_SITES_MAX = 16,                 /* at once */
    SITE_ADDRESSES_MAX = 100000,         /* of one site */
    SITE_LINKS_MAX = 1000000,            /* of its start page and its layers */
    SITE_LARGE_BYTES_MAX = 64 << 20,     /* of all large pages and the start page */
    SITE_WAIT_US_MAX = 600 * 1000 * 1000 /* of one answer */
};

struct site_hello {
    uint32_t port; /* of the start page, on 127.0.0.1 */
};

#endif
