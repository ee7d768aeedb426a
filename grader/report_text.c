#include "report_text.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

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

/* One finding in the order of the report. */
struct entry {
    const struct stage_result *stage;
    const struct finding *finding;
    int rank;
    const struct finding *told_by; /* an exact one that tells the same mistake; NULL if none does */
};

struct order {
    struct entry *entries;
    size_t count;
};

/* The order in which findings are best mended: what does not build, then an exact cause, then its symptoms. */
enum { BUILD, EXACT, RACE, TESTS, DRIVER, REST, NOTE };

static bool is_stage(const struct stage_result *stage, const char *name)
{
    return strcmp(stage->name, name) == 0;
}

static int rank(const struct stage_result *stage, const struct finding *finding)
{
    if (finding->cost == 0 && strcmp(finding->kind, "grader-error") != 0 && stage->status == STATUS_PASSED)
        return NOTE;
    if (strcmp(finding->kind, "note") == 0 || strcmp(finding->kind, "warning") == 0)
        return NOTE;
    if (is_stage(stage, "build"))
        return BUILD;
    if (is_stage(stage, "schedules"))
        return EXACT;
    if (is_stage(stage, "races"))
        return finding->line > 0 ? RACE : DRIVER;
    return is_stage(stage, "tests") ? TESTS : REST;
}

/* The finding of `schedules` that tells the race which `races` tells, too; NULL if there is none. */
static const struct finding *find_exact(const struct report *report, const struct stage_result *stage,
                                        const struct finding *finding)
{
    for (size_t s = 0; s < report->stages_count && is_stage(stage, "races") && finding->line > 0; s++)
        for (size_t i = 0; i < report->stages[s].findings_count; i++) {
            const struct finding *other = &report->stages[s].findings[i];
            if (is_stage(&report->stages[s], "schedules") && other->line == finding->line &&
                strcmp(other->kind, finding->kind) == 0)
                return other;
        }
    return NULL;
}

static void order_rank(struct order *order, const struct report *report, int wanted)
{
    for (size_t s = 0; s < report->stages_count; s++)
        for (size_t i = 0; i < report->stages[s].findings_count; i++) {
            const struct stage_result *stage = &report->stages[s];
            const struct finding *finding = &stage->findings[i];
            if (rank(stage, finding) != wanted)
                continue;
            order->entries = text_grow(order->entries, order->count + 1, sizeof *order->entries);
            order->entries[order->count++] = (struct entry){
                .stage = stage, .finding = finding, .rank = wanted, .told_by = find_exact(report, stage, finding)};
        }
}

/* Caller frees `entries`. */
static struct order order_findings(const struct report *report)
{
    struct order order = {0};
    for (int wanted = 0; wanted <= NOTE; wanted++)
        order_rank(&order, report, wanted);
    return order;
}

const struct finding *report_text_first(const struct report *report, const struct stage_result **stage)
{
    for (int wanted = 0; wanted < NOTE; wanted++)
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

/* What a finding costs, `[schedules, -5; races, -10]`: in its own stage, and in others that tell the same mistake.
 * Returns the number of characters. */
static int write_cost(const struct pen *pen, const struct order *order, const struct entry *entry)
{
    int column = fprintf(pen->stream, "[%s", entry->stage->name);
    if (entry->finding->cost > 0)
        column += fprintf(pen->stream, ", -%d", entry->finding->cost);
    for (size_t i = 0; i < order->count; i++) {
        const struct entry *other = &order->entries[i];
        if (other->told_by == entry->finding && other->finding->cost > 0)
            column += fprintf(pen->stream, "; %s, -%d", other->stage->name, other->finding->cost);
    }
    return column + fprintf(pen->stream, "]");
}

/* Where the kind of a finding is explained, below the first finding of that kind. */
static void write_page(const struct pen *pen, const struct order *order, const struct entry *entry)
{
    char *page = finding_page(entry->finding);
    bool told = page == NULL;
    for (const struct entry *other = order->entries; other < entry; other++)
        told = told || strcmp(other->finding->kind, entry->finding->kind) == 0;
    if (!told)
        fprintf(pen->stream, "   explain: make explain KIND=%s\n", entry->finding->kind);
    free(page);
}

static void write_message(const struct pen *pen, const struct order *order, const struct entry *entry, int number)
{
    const struct finding *finding = entry->finding;
    int column = fprintf(pen->stream, "%d. ", number);
    use(pen, finding->cost > 0 ? RED : YELLOW);
    column += write_cost(pen, order, entry);
    use(pen, PLAIN);
    fputc(' ', pen->stream);
    write_wrapped(pen->stream, finding->message, 3, column);
}

/* Whether an exact cause comes before: what tests and the race driver say is mostly how that shows. */
static bool is_symptom(const struct order *order, const struct entry *entry)
{
    return (entry->rank == TESTS || entry->rank == DRIVER) &&
           (order->entries[0].rank == EXACT || order->entries[0].rank == RACE);
}

static void write_symptom(const struct pen *pen, const struct order *order, const struct entry *entry, int number)
{
    if (!is_symptom(order, entry - 1))
        fputs("\nThis fails, too. It may be the same mistake: mend the above and look again.\n\n", pen->stream);
    write_message(pen, order, entry, number);
}

/* The schedule is shown of the first finding only: the others may come of the same mistake, and `repeat` shows it. */
static void write_finding(const struct pen *pen, const struct order *order, const struct entry *entry, int number)
{
    const struct finding *finding = entry->finding;
    fputc('\n', pen->stream);
    write_message(pen, order, entry, number);
    write_place(pen, finding);
    if (finding->detail != NULL && (number == 1 || entry->rank != EXACT)) {
        fputs("   ", pen->stream);
        write_wrapped(pen->stream, finding->detail, 3, 3);
    }
    use(pen, DIM);
    if (finding->command != NULL)
        fprintf(pen->stream, "   repeat: %s\n", finding->command);
    write_page(pen, order, entry);
    use(pen, PLAIN);
}

/* One line for what is left when there is more wrong than a reader takes in at once. */
static void write_short(const struct pen *pen, const struct order *order, const struct entry *entry, int number)
{
    const struct finding *finding = entry->finding;
    fprintf(pen->stream, "%s%d. ", number == FULL_MAX + 1 ? "\n" : "", number);
    write_cost(pen, order, entry);
    fprintf(pen->stream, " %.*s (%s:%d)\n", (int)strcspn(finding->message, ":\n"), finding->message,
            finding->file != NULL ? finding->file : "", finding->line);
}

static void write_note(const struct pen *pen, const struct finding *finding)
{
    const int column = fprintf(pen->stream, "\nNote (costs nothing): ");
    write_wrapped(pen->stream, finding->message, 3, column);
    write_place(pen, finding);
}

static void write_findings(const struct pen *pen, const struct report *report)
{
    const struct order order = order_findings(report);
    int number = 0;
    for (size_t i = 0; i < order.count; i++) {
        const struct entry *entry = &order.entries[i];
        if (entry->told_by != NULL)
            continue;
        if (number == 0 && entry->rank != NOTE)
            fputs("\nWhat to mend, in this order:\n", pen->stream);
        if (entry->rank == NOTE)
            write_note(pen, entry->finding);
        else if (++number > FULL_MAX)
            write_short(pen, &order, entry, number);
        else if (is_symptom(&order, entry))
            write_symptom(pen, &order, entry, number);
        else
            write_finding(pen, &order, entry, number);
    }
    free(order.entries);
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
    write_findings(&pen, report);
}
