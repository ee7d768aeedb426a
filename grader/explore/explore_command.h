/*
 * explore_command.h: the subcommand `grader explore`: any C program with main(), or a lab's scenarios, in every
 * schedule that matters.
 */
#ifndef GRADER_EXPLORE_COMMAND_H
#define GRADER_EXPLORE_COMMAND_H

#include "../kit.h"

/* explore_command: argv[0] is `explore`. Returns the exit status: 0 nothing found, 1 a bug found, 2 usage or does not
 * compile, 3 not supported or a fault of ours, 130 interrupted. Blocks until the search is over. */
int explore_command(const struct kit *kit, int argc, char **argv);

#endif
