/*
 * manifest_check.h: the rules of a lab.yaml that a schema cannot express.
 */
#ifndef GRADER_MANIFEST_CHECK_H
#define GRADER_MANIFEST_CHECK_H

#include <stdbool.h>

#include "manifest.h"
#include "yaml_check.h"

/* manifest_check: sets the limits that `text` does not give, cuts white space off the ends of texts, and checks
 * names, ranges, sums of points and the files of the lab. `text` is what `manifest` was loaded from; `stem` and
 * `directory` are set. Returns false with `fault` set at the first mistake. Blocks on stat only. Thread safe. */
bool manifest_check(struct manifest *manifest, const struct yaml_text *text, struct yaml_fault *fault);

#endif
