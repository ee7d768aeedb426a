/*
 * environment.h: what must not be read out of the grader by the programs it starts.
 */
#ifndef GRADER_FORMATS_ENVIRONMENT_H
#define GRADER_FORMATS_ENVIRONMENT_H

/* environment_scrub: removes from the environment what belongs to the host that grades: variables named GITHUB_*,
 * RUNNER_*, ACTIONS_*, and those whose names speak of a token, secret, password or credential. Their values are wiped
 * out in memory, too, where /proc/PID/environ shows them to programs of the same user. Not thread safe; strings got
 * from getenv before are empty afterwards: call it when they are no longer needed. */
void environment_scrub(void);

#endif
