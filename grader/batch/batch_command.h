/*
 * batch_command.h: the subcommands `batch` and `regrade`: options in, exit status out.
 *
 * Exit status: 0 everything is graded, 2 usage, 3 a fault of ours (a hand-in that could not be graded, the gradebook
 * cannot be written, another batch has it), 130 interrupted.
 */
#ifndef GRADER_BATCH_COMMAND_H
#define GRADER_BATCH_COMMAND_H

#include "../kit.h"

/* What `--help` prints. */
extern const char batch_usage[], regrade_usage[];

int batch_command(const struct kit *kit, int argc, char **argv);
int regrade_command(const struct kit *kit, int argc, char **argv);

#endif
