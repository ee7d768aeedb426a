/*
 * races_trial.h: what the parts of the stage `races` share: races.c runs the tools and gives the verdict,
 * races_weigh.c says what an accusation is worth, races_findings.c puts it into words.
 */
#ifndef GRADER_STAGES_RACES_TRIAL_H
#define GRADER_STAGES_RACES_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "../accusation.h"
#include "../explore/ruling.h"
#include "../manifest.h"
#include "../process.h"
#include "../report.h"
#include "../workspace.h"

enum { TOOLS = 3, HELGRIND = 0, DRD = 1, TSAN = 2 };

/* Who decides about data races in this hand-in (see races.h). */
enum judge { JUDGE_TWO_TOOLS, JUDGE_TSAN, JUDGE_NOBODY };

struct trial {
    const struct manifest *manifest;
    const struct workspace *workspace;
    enum judge judge;
    const char *reason;   /* why two tools that agree do not decide */
    bool c11;             /* uses C11 threads: drd and ThreadSanitizer crash on them */
    bool misread;         /* helgrind and drd lose track of who has a mutex */
    bool forks;           /* makes processes, between which no tool sees anything */
    struct ruling ruling; /* the explorer's */
    struct process_result runs[TOOLS];
    struct accusations said[TOOLS];
    bool ran[TOOLS];
};

/* What an accusation is worth. A tool's idea of the other side of a race can be wrong: where two tools name the same
 * pair, only such pairs are shown. */
enum worth { DOUBTFUL, LINE_PROVEN, PROVEN };

/* trial_choose_judge: sets judge, reason, c11 and forks by what the hand-in uses; false with `*error` set if its object
 * cannot be read. */
bool trial_choose_judge(struct trial *trial, char **error);

/* trial_weigh: what accusation `index` of `tool` is worth. trial_is_acquitted: whether the explorer has run what is
 * accused, in all schedules that matter, and found every access ordered. trial_is_overshadowed: whether it has run
 * every scenario and shown a mistake; what a tool says besides may follow from that, as the luck of a run.
 * trial_is_race_at: whether the accusation is about this race of the explorer's. trial_is_repeated: whether the
 * explorer, or an accusation before this one, says the same. */
enum worth trial_weigh(const struct trial *trial, size_t tool, const struct accusation *item);
bool trial_is_acquitted(const struct trial *trial, const struct accusation *item);
bool trial_is_overshadowed(const struct trial *trial);
bool trial_is_race_at(const struct accusation *item, const struct ruling_race *race);
bool trial_is_repeated(const struct trial *trial, size_t tool, size_t index);

/* trial_tool_name: helgrind, drd, ThreadSanitizer. Static. */
const char *trial_tool_name(size_t tool);

/* trial_add_explored: adds the explorer's races, each once. trial_add_accusations: adds at most `limit` findings
 * (notes, if `worth` is DOUBTFUL) for accusations that are worth just that. */
void trial_add_explored(struct stage_result *result, const struct trial *trial);
void trial_add_accusations(struct stage_result *result, const struct trial *trial, enum worth worth, size_t limit);

/* trial_place: points a finding at a line of the hand-in, with the command that shows the tool's own report. */
void trial_place(struct finding *finding, const struct trial *trial, int line, size_t tool);

#endif
