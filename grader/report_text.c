#include "report_text.h"

#include <string.h>

enum { WIDTH = 100, FULL_MAX = 12 };

enum color { RED, GREEN, YELLOW, BOLD, DIM, PLAIN };

struct pen {
    FILE *stream;
    bool color;
};

static void use(const struct pen *pen, enum color color)
{
    static const char *const codes[] = {[RED] = "\033[31m", [GREEN] = "\033[32m", [YELLOW] = "\033[33m",
                                        [BOLD] = "\033[1m", [DIM] = "\033[2m",    [PLAIN] = "\033[0m"};
    if (pen->color)
        fputs(codes[color], pen->stream);
}

static enum color status_color(enum status status)
{
    switch (status) {
    case STATUS_PASSED:
        return GREEN;
    case STATUS_FAILED:
    case STATUS_CRASHED:
    case STATUS_TIMED_OUT:
        return RED;
    case STATUS_NOT_RUN:
    case STATUS_GRADER_ERROR:
        return YELLOW;
    }
    return PLAIN;
}

/* Writes one line of text, broken at spaces, each further piece indented; returns where the line ends. Spaces at its
 * start and runs of them inside are kept: a compiler's own lines stay aligned. */
static const char *write_line(FILE *stream, const char *text, int indent, int column)
{
    for (; *text == ' '; text++, column++)
        fputc(' ', stream);
    for (bool first = true; *text != '\n' && *text != '\0'; first = false) {
        const int length = (int)strcspn(text, " \n");
        if (!first && column + 1 + length > WIDTH) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', stream);
            column++;
        }
        fwrite(text, 1, (size_t)length, stream);
        column += length;
        text += length;
        text += *text == ' ';
    }
    return text;
}

/* Writes lines of text; the first follows the `column` characters that stand on the line already, the others are
 * indented. */
static void write_wrapped(FILE *stream, const char *text, int indent, int column)
{
    text = write_line(stream, text, indent, column);
    for (; *text == '\n'; text = write_line(stream, text + 1, indent, indent))
        fprintf(stream, "\n%*s", indent, "");
    fputc('\n', stream);
}

static void write_stage(const struct pen *pen, const struct stage_result *stage)
{
    fprintf(pen->stream, "  %-9s %3d/%-3d  ", stage->name, stage->score, stage->max_score);
    use(pen, status_color(stage->status));
    fprintf(pen->stream, "%-12s", status_name(stage->status));
    use(pen, PLAIN);
    fprintf(pen->stream, "  %s", stage->summary != NULL ? stage->summary : "");
    if (stage->seconds >= 0.05) {
        use(pen, DIM);
        fprintf(pen->stream, "  (%.1f s)", stage->seconds);
        use(pen, PLAIN);
    }
    fputc('\n', pen->stream);
}

/* The order in which findings are best mended: what does not build, then an exact cause, then its symptoms. */
static int rank(const struct stage_result *stage, const struct finding *finding)
{
    if (finding->cost == 0 && strcmp(finding->kind, "grader-error") != 0 && stage->status == STATUS_PASSED)
        return 9;
    if (strcmp(finding->kind, "note") == 0 || strcmp(finding->kind, "warning") == 0)
        return 9;
    if (strcmp(stage->name, "build") == 0)
        return 0;
    if (strcmp(stage->name, "races") == 0 || strcmp(stage->name, "schedules") == 0)
        return finding->line > 0 ? 1 : 3;
    return strcmp(stage->name, "tests") == 0 ? 2 : 4;
}

const struct finding *report_text_first(const struct report *report, const struct stage_result **stage)
{
    for (int wanted = 0; wanted < 9; wanted++)
        for (size_t s = 0; s < report->stages_count; s++)
            for (size_t i = 0; i < report->stages[s].findings_count; i++)
                if (rank(&report->stages[s], &report->stages[s].findings[i]) == wanted) {
                    *stage = &report->stages[s];
                    return &report->stages[s].findings[i];
                }
    return NULL;
}

static void write_place(const struct pen *pen, const struct finding *finding)
{
    if (finding->file == NULL)
        return;
    fprintf(pen->stream, "   ");
    use(pen, BOLD);
    if (finding->line > 0)
        fprintf(pen->stream, "%s:%d", finding->file, finding->line);
    else
        fprintf(pen->stream, "%s", finding->file);
    use(pen, PLAIN);
    fputc('\n', pen->stream);
    if (finding->source != NULL)
        fprintf(pen->stream, "   %5d | %s\n", finding->line, finding->source);
}

static void write_finding(const struct pen *pen, const struct stage_result *stage, const struct finding *finding,
                          int number)
{
    int column = fprintf(pen->stream, "\n%d. ", number);
    use(pen, finding->cost > 0 ? RED : YELLOW);
    if (finding->cost > 0)
        column += fprintf(pen->stream, "[%s, -%d]", stage->name, finding->cost);
    else
        column += fprintf(pen->stream, "[%s]", stage->name);
    use(pen, PLAIN);
    fputc(' ', pen->stream);
    write_wrapped(pen->stream, finding->message, 3, column);
    write_place(pen, finding);
    if (finding->detail != NULL) {
        fputs("   ", pen->stream);
        write_wrapped(pen->stream, finding->detail, 3, 3);
    }
    if (finding->command != NULL) {
        use(pen, DIM);
        fprintf(pen->stream, "   repeat: %s\n", finding->command);
        use(pen, PLAIN);
    }
}

/* One line for what is left when there is more wrong than a reader takes in at once. */
static void write_short(const struct pen *pen, const struct stage_result *stage, const struct finding *finding,
                        int number)
{
    fprintf(pen->stream, "%s%d. [%s, -%d] %.*s (%s:%d)\n", number == FULL_MAX + 1 ? "\n" : "", number, stage->name,
            finding->cost, (int)strcspn(finding->message, ":\n"), finding->message,
            finding->file != NULL ? finding->file : "", finding->line);
}

static int write_ranked(const struct pen *pen, const struct report *report, int wanted, int number)
{
    for (size_t s = 0; s < report->stages_count; s++)
        for (size_t i = 0; i < report->stages[s].findings_count; i++) {
            const struct stage_result *stage = &report->stages[s];
            const struct finding *finding = &stage->findings[i];
            if (rank(stage, finding) != wanted)
                continue;
            if (number == 0 && wanted < 9)
                fputs("\nWhat to mend, in this order:\n", pen->stream);
            if (wanted < 9 && ++number > FULL_MAX)
                write_short(pen, stage, finding, number);
            else if (wanted < 9)
                write_finding(pen, stage, finding, number);
        }
    return number;
}

static void write_notes(const struct pen *pen, const struct report *report)
{
    for (size_t s = 0; s < report->stages_count; s++)
        for (size_t i = 0; i < report->stages[s].findings_count; i++) {
            const struct finding *finding = &report->stages[s].findings[i];
            if (rank(&report->stages[s], finding) != 9)
                continue;
            const int column = fprintf(pen->stream, "\nNote (costs nothing): ");
            write_wrapped(pen->stream, finding->message, 3, column);
            write_place(pen, finding);
        }
}

static void write_untouched(const struct pen *pen, const struct report *report)
{
    fprintf(pen->stream, "\nThis is the skeleton as it was given out, and it builds: %d points are yours already.\n",
            report->score);
    if (report->first_todo > 0)
        fprintf(pen->stream, "Begin at the first TODO, %s:%d.", report->file, report->first_todo);
    fprintf(pen->stream, " The task is in labs/%s/README.md.\nThen run: make %.5s\n", report->lab, report->lab);
}

static bool all_measured(const struct report *report)
{
    for (size_t i = 0; i < report->stages_count; i++)
        if (report->stages[i].status != STATUS_PASSED)
            return false;
    return true;
}

static void write_score(const struct pen *pen, const struct report *report)
{
    use(pen, BOLD);
    fprintf(pen->stream, "\n  score     %3d/%d", report->score, report->max_score);
    use(pen, PLAIN);
    if (report_has_error(report))
        fputs("  no mark: the grader failed in a stage, see below", pen->stream);
    else if (report->unfinished)
        fputs("  no mark: grading was cut short", pen->stream);
    else if (report->score == report->max_score)
        fputs(all_measured(report) ? "  everything is right" : "  as far as it could be measured here", pen->stream);
    fputc('\n', pen->stream);
}

void report_text(FILE *stream, const struct report *report, bool color)
{
    const struct pen pen = {.stream = stream, .color = color};
    use(&pen, BOLD);
    fprintf(stream, "%.5s: %s", report->lab, report->title);
    use(&pen, PLAIN);
    fprintf(stream, "\n%s  (seed %llu)\n\n", report->file, (unsigned long long)report->seed);
    for (size_t i = 0; i < report->stages_count; i++)
        write_stage(&pen, &report->stages[i]);
    write_score(&pen, report);
    if (report->untouched && !report_has_error(report)) {
        write_untouched(&pen, report);
        return;
    }
    int number = 0;
    for (int wanted = 0; wanted < 9; wanted++)
        number = write_ranked(&pen, report, wanted, number);
    write_notes(&pen, report);
}
