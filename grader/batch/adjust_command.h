/*
 * adjust_command.h: the subcommands `adjust` (an instructor changes a mark) and `history` (all there was).
 */
#ifndef GRADER_BATCH_ADJUST_COMMAND_H
#define GRADER_BATCH_ADJUST_COMMAND_H

#include "../kit.h"

/* What `--help` prints. */
extern const char adjust_usage[], history_usage[];

int adjust_command(const struct kit *kit, int argc, char **argv);
int history_command(const struct kit *kit, int argc, char **argv);

#endif
