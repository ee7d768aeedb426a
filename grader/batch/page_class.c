#include "page_class.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "marks.h"
#include "page_speedup.h"

enum { BINS = 10, BAR_WIDTH = 34, BAR_HEIGHT = 120 };

static int read_bins(struct gradebook *book, const char *lab, int bins[BINS])
{
    int most = 1;
    sqlite3_stmt *rows = store_query(&book->store,
                                     "SELECT min(9, max(0, cast(final * 10 / coalesce(max_score, 100) AS INTEGER))), "
                                     "count(*) FROM mark WHERE lab = ? AND final IS NOT NULL GROUP BY 1",
                                     "s", lab);
    memset(bins, 0, BINS * sizeof *bins);
    while (store_step(&book->store, rows)) {
        const int bin = sqlite3_column_int(rows, 0), count = sqlite3_column_int(rows, 1);
        bins[bin] = count;
        most = count > most ? count : most;
    }
    sqlite3_finalize(rows);
    return most;
}

static void write_distribution(FILE *stream, struct gradebook *book, const char *lab)
{
    int bins[BINS];
    const int most = read_bins(book, lab, bins), width = BINS * BAR_WIDTH + 20;
    html_write(stream,
               "<div class=\"card\"><h3>Marks</h3>\n<svg role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" "
               "aria-label=\"How many students have how much: ",
               width, BAR_HEIGHT + 40, width);
    for (int i = 0; i < BINS; i++)
        html_write(stream, "%d to %d %%: %d%s", i * 10, i * 10 + 10, bins[i], i < BINS - 1 ? ", " : "");
    fputs("\">\n", stream);
    for (int i = 0; i < BINS; i++) {
        const int height = bins[i] * BAR_HEIGHT / most, x = 10 + i * BAR_WIDTH;
        html_write(stream, "<rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"></rect>", x + 2,
                   15 + BAR_HEIGHT - height, BAR_WIDTH - 4, height);
        if (bins[i] > 0)
            html_write(stream, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>", x + BAR_WIDTH / 2,
                       11 + BAR_HEIGHT - height, bins[i]);
        html_write(stream, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x, BAR_HEIGHT + 32, i * 10);
    }
    html_write(stream, "<line class=\"axis\" x1=\"10\" x2=\"%d\" y1=\"%d\" y2=\"%d\"></line></svg></div>\n", width - 10,
               15 + BAR_HEIGHT, 15 + BAR_HEIGHT);
}

static void write_stages(FILE *stream, struct gradebook *book, const char *lab)
{
    sqlite3_stmt *rows =
        store_query(&book->store,
                    "SELECT json_extract(s.value, '$.name'), count(*), "
                    "sum(json_extract(s.value, '$.score') = json_extract(s.value, '$.max_score') AND "
                    "json_extract(s.value, '$.status') IN ('PASSED', 'NOT_RUN')), "
                    "avg(json_extract(s.value, '$.score') * 100.0 / max(1, json_extract(s.value, '$.max_score'))) FROM "
                    "mark m, json_each(m.report, '$.stages') s WHERE m.lab = ? GROUP BY 1 ORDER BY min(s.key)",
                    "s", lab);
    fputs("<div class=\"card\"><h3>Stages</h3>\n<table><thead><tr><th scope=\"col\">Stage</th><th scope=\"col\" "
          "class=\"number\">All points</th><th scope=\"col\" class=\"number\">Mean</th></tr></thead><tbody>\n",
          stream);
    while (store_step(&book->store, rows))
        html_write(
            stream,
            "<tr><th scope=\"row\">%s</th><td class=\"number\">%d of %d</td><td class=\"number\">%d %%</td></tr>\n",
            store_column(rows, 0), sqlite3_column_int(rows, 2), sqlite3_column_int(rows, 1),
            sqlite3_column_int(rows, 3));
    fputs("</tbody></table></div>\n", stream);
    sqlite3_finalize(rows);
}

/* Findings of one test or scenario begin with its name and a colon: they count together. */
static void write_common(FILE *stream, struct gradebook *book, const char *lab)
{
    sqlite3_stmt *rows = store_query(
        &book->store,
        "WITH f AS (SELECT m.student, json_extract(s.value, '$.name') AS stage, json_extract(f.value, "
        "'$.kind') AS kind, json_extract(f.value, '$.message') AS message FROM mark m, json_each(m.report, "
        "'$.stages') s, json_each(s.value, '$.findings') f WHERE m.lab = ? AND "
        "json_extract(f.value, '$.cost') > 0), n AS (SELECT *, substr(message, 1, instr(message, ':') - 1) "
        "AS head FROM f) SELECT stage, kind, CASE WHEN head <> '' AND head NOT LIKE '% %' THEN head ELSE '' "
        "END AS name, count(DISTINCT student) AS many FROM n GROUP BY 1, 2, 3 ORDER BY many DESC, 1, 2, 3 "
        "LIMIT 12",
        "s", lab);
    fputs("<div class=\"card\"><h3>Most common findings</h3>\n<table><thead><tr><th scope=\"col\" class=\"number\">"
          "Students</th><th scope=\"col\">Stage</th><th scope=\"col\">What</th></tr></thead><tbody>\n",
          stream);
    while (store_step(&book->store, rows))
        html_write(stream, "<tr><td class=\"number\">%d</td><td>%s</td><td>%s %s</td></tr>\n",
                   sqlite3_column_int(rows, 3), store_column(rows, 0), store_column(rows, 1), store_column(rows, 2));
    fputs("</tbody></table></div>\n", stream);
    sqlite3_finalize(rows);
}

void page_class_lab(FILE *stream, struct gradebook *book, const char *lab)
{
    struct store *store = &book->store;
    char *title = store_text(store, "SELECT title FROM lab WHERE name = ?", "s", lab);
    sqlite3_stmt *row = store_query(store,
                                    "SELECT count(*), count(final), avg(final), sum(late), sum(twins > 0), "
                                    "sum(final IS NULL AND state = 'failed') FROM mark WHERE lab = ?",
                                    "s", lab);
    html_write(stream, "<section>\n<h2>%s: %s</h2>\n", lab, title != NULL ? title : "");
    if (store_step(store, row))
        html_write(stream,
                   "<p>%d students, %d with a mark, mean %f; %d late, %d with the same content as somebody else's, %d "
                   "not graded by our fault.</p>\n",
                   sqlite3_column_int(row, 0), sqlite3_column_int(row, 1), sqlite3_column_double(row, 2),
                   sqlite3_column_int(row, 3), sqlite3_column_int(row, 4), sqlite3_column_int(row, 5));
    sqlite3_finalize(row);
    fputs("<div class=\"cards\">\n", stream);
    write_distribution(stream, book, lab);
    write_stages(stream, book, lab);
    write_common(stream, book, lab);
    page_speedup(stream, book, lab);
    fputs("</div>\n</section>\n", stream);
    free(title);
}

static void write_row(FILE *stream, const struct mark *mark)
{
    html_write(stream, "<tr><th scope=\"row\"><a href=\"students/");
    fprintf(stream, "%" PRId64, mark->student);
    html_write(stream, ".html\">%s</a></th><td>%s</td><td>%s</td>", mark->name, mark->key, mark->lab);
    if (mark->has_final)
        html_write(stream, "<td class=\"number\" data-value=\"%f\">%f</td>", mark->final, mark->final);
    else
        fputs("<td class=\"number\" data-value=\"-1\">&ndash;</td>", stream);
    html_write(stream, "<td class=\"%s\">%s</td><td>%s</td><td>%s</td></tr>\n",
               strcmp(mark->status, "graded") == 0 ? "good" : "warn", mark->status, mark->late ? "late" : "",
               strcmp(mark->adjusted, "add") == 0 || strcmp(mark->adjusted, "set") == 0 ? "adjusted" : "");
}

void page_class_table(FILE *stream, struct gradebook *book, const char *lab)
{
    struct mark mark;
    sqlite3_stmt *marks = marks_query(book, lab, 0);
    fputs("<section>\n<h2>Students</h2>\n<div class=\"tools\" hidden><label for=\"search\">Search</label> <input "
          "id=\"search\" type=\"search\" autocomplete=\"off\"> <span id=\"shown\" role=\"status\"></span></div>\n"
          "<table id=\"class\"><caption>The heading of a column sorts by it.</caption><thead><tr><th "
          "scope=\"col\">Name</th><th scope=\"col\">Id</th><th scope=\"col\">Lab</th><th scope=\"col\" "
          "class=\"number\">Mark</th><th scope=\"col\">Status</th><th scope=\"col\">Late</th><th "
          "scope=\"col\">Adjusted</th></tr></thead>\n<tbody>\n",
          stream);
    while (marks_next(book, marks, &mark))
        write_row(stream, &mark);
    fputs("</tbody></table>\n</section>\n", stream);
    sqlite3_finalize(marks);
}
