#include "stage_limits.h"

#include <stddef.h>

/* The race driver runs under tools that reserve address space beyond all measure: no limit for a single process. */
static const struct {
    const char *name;
    size_t seconds, cpu_seconds; /* where in struct manifest_limits */
    bool single_memory;
} stages[] = {
    [LIMITS_TESTS] = {"tests", offsetof(struct manifest_limits, test_seconds),
                      offsetof(struct manifest_limits, test_cpu_seconds), true},
    [LIMITS_RACES] = {"races", offsetof(struct manifest_limits, race_seconds),
                      offsetof(struct manifest_limits, race_cpu_seconds), false},
    [LIMITS_SPEEDUP] = {"speedup", offsetof(struct manifest_limits, bench_seconds),
                        offsetof(struct manifest_limits, bench_cpu_seconds), true},
};

static double seconds_at(const struct manifest_limits *limits, size_t where)
{
    return *(const double *)((const char *)limits + where);
}

static uint64_t bytes(int mib)
{
    return (uint64_t)mib << 20;
}

void stage_limits_set(struct process_spec *spec, const struct manifest *manifest, enum limited_stage stage)
{
    const struct manifest_limits *limits = &manifest->limits;
    spec->stage = stages[stage].name;
    spec->deadline = seconds_at(limits, stages[stage].seconds);
    spec->cpu_limit = seconds_at(limits, stages[stage].cpu_seconds);
    spec->memory_limit = stages[stage].single_memory ? bytes(limits->memory_mb) : 0;
    spec->tree_memory_limit = bytes(limits->tree_memory_mb);
    spec->file_limit = bytes(limits->file_mb);
    spec->output_limit = bytes(limits->output_mb);
    spec->process_limit = (unsigned)limits->processes;
    spec->descriptor_limit = (unsigned)limits->descriptors;
}
