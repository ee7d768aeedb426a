/*
 * report.h: what grading found, as data. Stages make stage_results, the verdict adds them up, and every
 * output format (report_text.h, report_json.h) is a pure function of one struct report.
 */
#ifndef GRADER_REPORT_H
#define GRADER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum status {
    STATUS_PASSED,
    STATUS_FAILED,
    STATUS_CRASHED,      /* the hand-in was ended by a signal or broke a limit */
    STATUS_TIMED_OUT,    /* the hand-in was still running at a deadline */
    STATUS_NOT_RUN,      /* waits for another stage (no points), or could not be measured (all points) */
    STATUS_GRADER_ERROR, /* a fault of ours: says nothing about the hand-in */
};

/* status_name: PASSED, FAILED, ... Static. */
const char *status_name(enum status status);

/* One thing wrong with the hand-in, or one thing worth knowing (a note, cost 0). */
struct finding {
    char *kind;    /* a word for programs: compile-error, test-failed, data-race, too-slow, note, ... */
    char *message; /* what is wrong, and why, in one or two sentences */
    char *detail;  /* more lines: stacks, the compiler's own text; NULL if none */
    char *file;    /* path of the hand-in as its author knows it; NULL if it has no place */
    int line;      /* 0 if it has no line */
    char *source;  /* the text of that line; filled by the pipeline; NULL if it has none */
    char *command; /* what reproduces it; NULL if nothing does */
    int cost;      /* points lost by it */
    /* The test that failed, a name of the manifest, which owns it; NULL if it is about none. */
    const char *test;
};

/* When whoever handed in may see what a stage found, where a format can say so. */
enum visibility { VISIBLE, AFTER_DUE_DATE, AFTER_PUBLISHED, HIDDEN };

/* visibility_name: visible, after_due_date, after_published, hidden. Static. */
const char *visibility_name(enum visibility visibility);

/* A number worth comparing: a speed-up, or seconds of CPU. */
struct figure {
    char *name;
    double value;
    bool least_is_best;
};

enum { RESULT_FIGURES = 8 };

struct stage_result {
    const char *name; /* of the stage, static */
    enum status status;
    int score, max_score;
    double seconds;
    char *summary; /* a few words for the stage's line, e.g. `11 of 12 tests`; never NULL once finished */
    struct finding *findings;
    size_t findings_count;
    enum visibility visibility;
    struct figure figures[RESULT_FIGURES];
    size_t figures_count;
};

/* result_add: appends a finding of `kind` (static) with a formatted message and returns it, for the
 * caller to fill in the rest. The message is cleaned (text_clean). Valid until the next result_add. */
struct finding *result_add(struct stage_result *result, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* result_figure: notes a figure under a copy of `name`; beyond RESULT_FIGURES, or where it is no finite number, it is
 * dropped. */
void result_figure(struct stage_result *result, const char *name, double value, bool least_is_best);

/* result_finish: sets status, score and a formatted summary, and returns the result by value. */
struct stage_result result_finish(struct stage_result *result, enum status status, int score, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* result_grader_error: a result that says that we failed, and how. Keeps max_score; score 0 is not a mark:
 * whoever reads GRADER_ERROR must not use it. */
struct stage_result result_grader_error(struct stage_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* finding_page: the page that explains findings of this kind, from the top of the kit: grader/explain/KIND.md. Caller
 * frees. NULL if there is nothing to explain: a note, a fault of ours. */
char *finding_page(const struct finding *finding);

/* result_release: frees what a result owns. */
void result_release(struct stage_result *result);

enum { REPORT_STAGES = 8 };

struct report {
    const char *schema; /* lockstep/report/1 */
    char *lab, *title;
    char *file;     /* the hand-in as its author knows it */
    bool untouched; /* it is the skeleton as it was given out */
    int first_todo; /* line of its first TODO, 0 if none */
    int score, max_score;
    uint64_t seed;
    int cores;
    char *compiler;
    double programs_cpu; /* seconds: of all programs run so far, compilers and checkers too; what is the grader's own is
                            not in it */
    struct stage_result stages[REPORT_STAGES];
    size_t stages_count;
    bool unfinished; /* made while stages were still to run, or after the user's interrupt */
};

/* report_has_error: whether a stage ended as GRADER_ERROR: then the score is no mark. */
bool report_has_error(const struct report *report);

/* report_no_mark: why the score is no mark, in a few words: a stage ended as GRADER_ERROR, or grading was cut short;
 * NULL if it is one. Static. report_is_marked: whether it is one. */
const char *report_no_mark(const struct report *report);
bool report_is_marked(const struct report *report);

/* report_release: frees what a report owns. */
void report_release(struct report *report);

#endif
