/*
 * report_command.h: the subcommand `report`: static pages about a class, and feedback files for its students.
 */
#ifndef GRADER_BATCH_REPORT_COMMAND_H
#define GRADER_BATCH_REPORT_COMMAND_H

#include "../kit.h"

/* What `--help` prints. */
extern const char report_usage[];

/* report_command: exit status 0, 2 usage, 3 a file cannot be written or the gradebook read. */
int report_command(const struct kit *kit, int argc, char **argv);

/* report_feedback_name: where the LMS looks for a feedback file about the hand-in at `path`, relative to a folder; the
 * student's key stands in for a download that came from none. Caller frees. */
char *report_feedback_name(const char *recogniser, const char *path, const char *key);

#endif
