/*
 * junit.h: JUnit's XML, as Ant, Jenkins and GitLab read it.
 */
#ifndef GRADER_FORMATS_JUNIT_H
#define GRADER_FORMATS_JUNIT_H

#include "formats.h"

/* format_junit: a test suite with a test case a stage. Caller frees. Pure. */
format_function format_junit;

#endif
