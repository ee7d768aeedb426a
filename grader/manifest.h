/*
 * manifest.h: a lab's lab.yaml in memory. A lab is data: nothing else tells the grader about it.
 */
#ifndef GRADER_MANIFEST_H
#define GRADER_MANIFEST_H

#include <stddef.h>

enum measure_kind {
    MEASURE_CPU,     /* speed-up relative to a plain static split over the same cores */
    MEASURE_LATENCY, /* speed-up over the baseline, per worker: work that waits for I/O or sleeps */
    MEASURE_WAITING, /* CPU seconds burned in a run of work that only waits */
};

enum { MANIFEST_SCHEDULES = 6000 };

struct manifest_points {
    int build, tests, schedules, races, speedup; /* sum 100 */
};

struct manifest_limits {
    double test_seconds;      /* deadline of one Criterion test, wall clock */
    double race_seconds;      /* deadline of the race driver under one tool */
    double bench_seconds;     /* deadline of one run of a bench program */
    double test_cpu_seconds;  /* CPU time of the whole tree in one test; absent: 8 times test_seconds */
    double race_cpu_seconds;  /* as test_cpu_seconds */
    double bench_cpu_seconds; /* as test_cpu_seconds */
    int memory_mb;            /* private memory of one process, MiB; not under the tools that look for races */
    int tree_memory_mb;       /* memory of one program's whole tree, files in memory too; absent: twice memory_mb */
    int processes;            /* processes alive at once in one program's tree */
    int descriptors;          /* open at once in one process */
    int file_mb;              /* largest file written, MiB */
    int output_mb;            /* printed by one program, MiB; of more than 64 KiB the report has head and tail */
};

struct manifest_test {
    char *name;     /* of LAB_TEST in tests.c */
    int points;     /* what it is worth; the sum over tests is points.tests */
    char *function; /* the hand-in's function to look at first when it fails */
    char *why;      /* one sentence: why a hand-in that fails this is wrong */
};

struct manifest_scenario {
    char *name;         /* of the SCENARIO in scenarios.c */
    int points;         /* sum over scenarios is points.schedules */
    char *function;     /* as in manifest_test */
    char *why;          /* as in manifest_test */
    unsigned schedules; /* how many are tried beyond the exhaustive share; the manifest's absent key stands for
                           MANIFEST_SCHEDULES */
};

struct manifest_measure {
    char *name; /* of the bench_measure in bench.c */
    enum measure_kind kind;
    int workers;      /* 0: as many as cores, up to 8 */
    double threshold; /* cpu: share of the yardstick's speed; latency: speed-up / workers, least;
                         waiting: CPU seconds, most */
    int points;       /* sum over measures is points.speedup */
    char *function;   /* as in manifest_test */
    char *why;        /* as in manifest_test */
};

struct manifest {
    char *id;        /* lab03: from the directory's name */
    char *name;      /* lab03_crawler */
    char *stem;      /* crawler */
    char *directory; /* absolute path of the lab's directory */
    char *title;
    char *idea;       /* one sentence */
    char *file;       /* the file handed in, crawler.c */
    char **libraries; /* pkg-config names the hand-in is compiled and linked with, beyond pthread */
    unsigned libraries_count;
    char *service;    /* program of the harness that its programs can ask while they run (struct process_spec), as
                         `site`; NULL: none */
    char **functions; /* what the hand-in must define */
    unsigned functions_count;
    char **symbols;         /* groups of the C library's functions it may call (symbol_groups.h) */
    unsigned symbols_count; /* 0: any */
    struct manifest_points points;
    struct manifest_limits limits;
    struct manifest_test *tests;
    unsigned tests_count;
    struct manifest_scenario *scenarios;
    unsigned scenarios_count;
    struct manifest_measure *measures;
    unsigned measures_count;
};

/* manifest_load: reads DIRECTORY/lab.yaml, where the last part of DIRECTORY is labNN_stem, and checks
 * it: keys and types (libcyaml), sums of points, limits in range, unique names, and that the files
 * of a lab stand beside it. Returns NULL on error with `*error` set to a message that starts with
 * FILE:LINE (caller frees); otherwise a manifest to be released with manifest_free. Blocks on file
 * reads only. Thread safe. */
struct manifest *manifest_load(const char *directory, char **error);

/* manifest_named_function: which of the functions that the hand-in defines `words` (may be NULL) name first, as whole
 * words; NULL if they name none. Points into the manifest. Pure. */
const char *manifest_named_function(const struct manifest *manifest, const char *words);

/* manifest_free: releases `manifest`, which may be NULL. */
void manifest_free(struct manifest *manifest);

#endif
