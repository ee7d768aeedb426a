/* tls_keys.h: thread-specific data (pthread_key_create, tss_create) of the running program. */
#ifndef EXPLORE_TLS_KEYS_H
#define EXPLORE_TLS_KEYS_H

#include "schedule.h"

/* tls_keys_clear: a new thread's values are all NULL. tls_keys_destroy: calls the destructors, as at the end
 * of the running thread `self`. tls_keys_reset: no keys; before each run. */
void tls_keys_clear(struct thread *thread);
void tls_keys_destroy(struct thread *self);
void tls_keys_reset(void);

/* tls_keys_count: how many keys were ever made in this run. */
unsigned tls_keys_count(void);

#endif
