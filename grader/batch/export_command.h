/*
 * export_command.h: the subcommand `export`: marks as an LMS or a spreadsheet wants them.
 *
 * Exit status: 0 all marks are there; 1 something was left out, and listed; 2 usage; 3 the file cannot be written, or a
 * hand-in could not be graded by our fault (its cell is left as it was, never 0).
 */
#ifndef GRADER_BATCH_EXPORT_COMMAND_H
#define GRADER_BATCH_EXPORT_COMMAND_H

#include "../kit.h"

/* What `--help` prints. */
extern const char export_usage[];

int export_command(const struct kit *kit, int argc, char **argv);

#endif
