#include "diagnostics.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { WARNINGS_SHOWN = 3, DETAIL_LINES = 12 };

/* If `line` is a compiler's `FILE:LINE:COL: KIND: text` about the hand-in, returns its line number and the text. */
static int parse_diagnostic(const struct manifest *manifest, const char *line, const char *kind, const char **text)
{
    const size_t stem = strlen(manifest->file);
    if (strncmp(line, manifest->file, stem) != 0 || line[stem] != ':')
        return 0;
    const int number = atoi(line + stem + 1);
    const char *hit = strstr(line, kind);
    const char *end = strchr(line, '\n');
    if (hit == NULL || (end != NULL && hit > end))
        return 0;
    *text = hit + strlen(kind);
    return number;
}

void diagnostics_place(struct finding *finding, const struct manifest *manifest, const struct workspace *workspace,
                       int line)
{
    finding->file = text_copy(workspace->handin_shown, strlen(workspace->handin_shown));
    finding->line = line;
    finding->command = workspace_command(workspace, manifest, NULL, NULL);
}

/* Lines of a compiler's output, one at a time; NULL at the end. */
static const char *next_line(const char *line)
{
    line = strchr(line, '\n');
    return line != NULL && line[1] != '\0' ? line + 1 : NULL;
}

void diagnostics_compile_error(struct stage_result *result, const struct manifest *manifest,
                               const struct workspace *workspace, const char *output)
{
    int errors = 0, first_line = 0;
    const char *first = NULL, *text = NULL;
    for (const char *line = output; line != NULL; line = next_line(line)) {
        const int number = parse_diagnostic(manifest, line, "error: ", &text);
        errors += number > 0;
        if (number > 0 && first == NULL) {
            first = text;
            first_line = number;
        }
    }
    struct finding *finding;
    if (first != NULL)
        finding =
            result_add(result, "compile-error", "The compiler refuses this line: %.*s%s", (int)strcspn(first, "\n"),
                       first, errors > 1 ? ". More errors follow; they often vanish with the first." : ".");
    else
        finding = result_add(result, "compile-error", "The file does not compile.");
    diagnostics_place(finding, manifest, workspace, first_line);
    char *shown = workspace_shown(workspace, manifest, output);
    finding->detail = text_excerpt(shown, DETAIL_LINES);
    free(shown);
    finding->cost = result->max_score;
}

void diagnostics_warnings(struct stage_result *result, const struct manifest *manifest,
                          const struct workspace *workspace, const char *output)
{
    int shown = 0;
    const char *text = NULL;
    for (const char *line = output; line != NULL && shown < WARNINGS_SHOWN; line = next_line(line)) {
        const int number = parse_diagnostic(manifest, line, "warning: ", &text);
        if (number == 0)
            continue;
        diagnostics_place(result_add(result, "warning", "The compiler warns: %.*s", (int)strcspn(text, "\n"), text),
                          manifest, workspace, number);
        shown++;
    }
}

/* The first line of a linker's output that says what is wrong, with the hand-in's line if it names one. */
void diagnostics_link_error(struct stage_result *result, const struct manifest *manifest,
                            const struct workspace *workspace, const char *output)
{
    static const char undefined[] = "undefined reference to `";
    const char *hit = strstr(output, undefined);
    struct finding *finding;
    int number = 0;
    if (hit != NULL) {
        const char *name = hit + strlen(undefined);
        const char *line = hit;
        while (line > output && line[-1] != '\n')
            line--;
        const char *place_text = strstr(line, manifest->file);
        if (place_text != NULL && place_text < hit)
            number = atoi(place_text + strlen(manifest->file) + 1);
        finding =
            result_add(result, "link-error",
                       "'%.*s' is called but defined nowhere: a misspelt name, or a library this lab does not link.",
                       (int)strcspn(name, "'"), name);
    } else {
        finding = result_add(result, "link-error", "The file compiles, but cannot be linked to the lab's programs.");
    }
    diagnostics_place(finding, manifest, workspace, number);
    char *shown = workspace_shown(workspace, manifest, output);
    finding->detail = text_excerpt(shown, DETAIL_LINES);
    free(shown);
    finding->cost = result->max_score;
}

bool diagnostics_machine_failed(const char *output)
{
    return strstr(output, "No space left on device") != NULL || strstr(output, "Disk quota exceeded") != NULL ||
           strstr(output, "cannot open output file") != NULL || strstr(output, "when writing output to") != NULL ||
           strstr(output, "Input/output error") != NULL;
}

bool diagnostics_linker_spoke(const char *output)
{
    return strstr(output, "ld returned") != NULL || strstr(output, "linker command failed") != NULL;
}
