/*
 * cores.h: how many CPUs the grader and what it starts may use at the same time.
 */
#ifndef GRADER_CORES_H
#define GRADER_CORES_H

/* cores_allowed: as many as the affinity of the calling thread allows, but no more whole ones than the CPU time that
 * its control groups are given, as in a container; at least 1. Reads some files of /proc and /sys; thread safe. */
int cores_allowed(void);

/* cores_of_quota: the whole CPUs in `text`, `QUOTA PERIOD` in microseconds as in the file cpu.max of a control group
 * (`max 100000`: all there are), at least 1; `most` if there is no such limit or it cannot be read. Pure. */
int cores_of_quota(const char *text, int most);

#endif
