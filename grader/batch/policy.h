/*
 * policy.h: what an instructor says about a lab: when it is due, what being late costs, which hand-in counts.
 */
#ifndef GRADER_BATCH_POLICY_H
#define GRADER_BATCH_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "gradebook.h"

/* A late policy, `10%/day`, `2%/hour` or `10%`: percent of what was earned, for each unit begun, or once. */
struct late_policy {
    double percent;
    int64_t unit; /* seconds; 0: once */
};

/* policy_parse_due: ISO 8601, `2026-12-01T23:59[:00][Z|+09:00]`, local time without a zone; seconds since 1970. Returns
 * false if it is no such time. policy_parse_late: as above. */
bool policy_parse_due(const char *text, int64_t *due);
bool policy_parse_late(const char *text, struct late_policy *late);

/* policy_penalty: percent off for a hand-in of time `submitted` (0: unknown); sets `*is_late`. A mark of the LMS goes
 * before the time where `knows_late`; a mark whose time does not say how late costs one unit. `due` 0: none. */
double policy_penalty(const struct late_policy *late, int64_t due, int64_t submitted, bool marked, bool knows_late,
                      bool *is_late);

/* policy_apply: works out lateness and penalty of all hand-ins of the lab, by its row in the gradebook. In the caller's
 * transaction. */
void policy_apply(struct gradebook *book, const char *lab);

#endif
