/*
 * hidden.h: the stage `hidden`: an instructor's tests and scenarios (overlay.h), in a lab that has some.
 *
 * It comes last and works in a workspace of its own, in which the overlay's files stand in place of the lab's, so that
 * no other stage runs the hand-in where hidden files can be read. What it finds is told without the tests' words: what
 * happened, what behaviour is asked for, and where to look in the hand-in.
 */
#ifndef GRADER_STAGES_HIDDEN_H
#define GRADER_STAGES_HIDDEN_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* hidden_run: the stage; workspace->overlay is not NULL. Blocks while programs run. */
struct stage_result hidden_run(const struct manifest *manifest, const struct workspace *workspace);

#endif
