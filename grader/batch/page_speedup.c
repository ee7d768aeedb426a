#include "page_speedup.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

enum { SIZE = 260, LEFT = 40, TOP = 15 };

/* The number right before `at`. */
static bool number_before(const char *start, const char *at, double *number)
{
    const char *c = at;
    while (c > start && (isdigit((unsigned char)c[-1]) || c[-1] == '.'))
        c--;
    *number = strtod(c, NULL);
    return c < at;
}

bool page_speedup_read(const char *summary, double *handin, double *reference)
{
    static const char mark[] = "(plain split ";
    const char *split = strstr(summary, mark), *x = split;
    while (x != NULL && x > summary && strncmp(x, "x on ", 5) != 0)
        x--;
    if (split == NULL || strncmp(x, "x on ", 5) != 0 || !number_before(summary, x, handin))
        return false;
    *reference = strtod(split + strlen(mark), NULL);
    return *reference > 0;
}

static double find_most(struct gradebook *book, sqlite3_stmt *rows)
{
    double most = 1, handin, reference;
    while (store_step(&book->store, rows)) {
        if (!page_speedup_read(store_column(rows, 1), &handin, &reference))
            continue;
        most = handin > most ? handin : most;
        most = reference > most ? reference : most;
    }
    return most;
}

static void write_frame(FILE *stream, double most)
{
    html_write(
        stream,
        "<div class=\"card\"><h3>Speed-up</h3>\n<svg role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" "
        "aria-label=\"Speed-up of each hand-in (upwards) against the plain split in the same run (to the right); "
        "on the broken line both are the same\">\n<line class=\"guide\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"></line>"
        "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"></line><line class=\"axis\" x1=\"%d\" y1=\"%d\" "
        "x2=\"%d\" y2=\"%d\"></line>\n",
        SIZE + LEFT + 20, SIZE + TOP + 40, SIZE + LEFT + 20, LEFT, TOP + SIZE, LEFT + SIZE, TOP, LEFT, TOP + SIZE,
        LEFT + SIZE, TOP + SIZE, LEFT, TOP, LEFT, TOP + SIZE);
    html_write(
        stream,
        "<text x=\"%d\" y=\"%d\">0</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%f</text><text x=\"%d\" "
        "y=\"%d\" text-anchor=\"end\">%f</text><text x=\"%d\" y=\"%d\" text-anchor=\"middle\">plain split</text>\n",
        LEFT, TOP + SIZE + 16, LEFT + SIZE, TOP + SIZE + 16, most, LEFT - 4, TOP + 10, most, LEFT + SIZE / 2,
        TOP + SIZE + 32);
}

void page_speedup(FILE *stream, struct gradebook *book, const char *lab)
{
    double handin, reference;
    sqlite3_stmt *rows =
        store_query(&book->store,
                    "SELECT m.name, json_extract(s.value, '$.summary') FROM mark m, json_each(m.report, "
                    "'$.stages') s WHERE m.lab = ? AND json_extract(s.value, '$.name') = 'speedup' AND "
                    "json_extract(s.value, '$.summary') LIKE '%(plain split %' ORDER BY m.name",
                    "s", lab);
    const double most = find_most(book, rows);
    bool any = false;
    sqlite3_reset(rows);
    while (store_step(&book->store, rows)) {
        if (!page_speedup_read(store_column(rows, 1), &handin, &reference))
            continue;
        if (!any)
            write_frame(stream, most);
        any = true;
        html_write(stream, "<circle class=\"dot\" cx=\"%f\" cy=\"%f\" r=\"4\"><title>%s: %s</title></circle>\n",
                   LEFT + reference / most * SIZE, TOP + SIZE - handin / most * SIZE, store_column(rows, 0),
                   store_column(rows, 1));
    }
    if (any)
        fputs("</svg></div>\n", stream);
    sqlite3_finalize(rows);
}
