/*
 * versions.h: what a result depends on besides the hand-in: the lab as it is given out and the grader as it is built.
 */
#ifndef GRADER_BATCH_VERSIONS_H
#define GRADER_BATCH_VERSIONS_H

#include "../kit.h"
#include "../manifest.h"
#include "sha256.h"

/* versions_lab: a hash of all files of the lab's directory but its README and the student's own file. */
void versions_lab(const struct manifest *manifest, char hex[SHA256_HEX]);

/* versions_grader: a hash of the grader's program, its supervisor and the built harness. */
void versions_grader(const struct kit *kit, char hex[SHA256_HEX]);

#endif
