#include "explain.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { PAGE_BYTES_MAX = 1 << 16 };

static const char ending[] = ".md";

static int is_page(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');
    return dot != NULL && dot != entry->d_name && strcmp(dot, ending) == 0;
}

/* Lists `data-race    Two threads ...`: a page's name and its title, which is its first line. */
static void list_page(const char *directory, const char *name)
{
    char *path = text_join(directory, name), *page = text_read_file(path, PAGE_BYTES_MAX, NULL);
    const char *title = page != NULL ? page + strspn(page, "# ") : "";
    printf("%-23.*s %.*s\n", (int)(strlen(name) - strlen(ending)), name, (int)strcspn(title, "\n"), title);
    free(page);
    free(path);
}

static int list_pages(const char *directory)
{
    struct dirent **pages;
    const int count = scandir(directory, &pages, is_page, alphasort);
    if (count < 0) {
        fprintf(stderr, "grader: cannot read the pages in '%s'\n", directory);
        return EXIT_GRADER_ERROR;
    }
    for (int i = 0; i < count; i++) {
        list_page(directory, pages[i]->d_name);
        free(pages[i]);
    }
    free(pages);
    return EXIT_GRADED;
}

/* The words of a kind as one, joined by `-`. Caller frees. */
static char *join_words(int count, char **words)
{
    char *kind = text_copy("", 0);
    for (int i = 0; i < count; i++) {
        char *longer = text_format("%s%s%s", kind, i > 0 ? "-" : "", words[i]);
        free(kind);
        kind = longer;
    }
    char *joined = text_replace(kind, " ", "-");
    free(kind);
    return joined;
}

static int show_page(const char *directory, const char *kind)
{
    char *name = text_format("%s%s", kind, ending), *path = text_join(directory, name);
    char *page = strpbrk(kind, "./") == NULL ? text_read_file(path, PAGE_BYTES_MAX, NULL) : NULL;
    const int code = page != NULL ? EXIT_GRADED : EXIT_USAGE;
    if (page != NULL)
        fputs(page, stdout);
    else
        fprintf(stderr, "grader: no kind of finding is called '%s': `grader explain` lists them\n", kind);
    free(page);
    free(path);
    free(name);
    return code;
}

int explain_run(const struct kit *kit, int argc, char **argv)
{
    char *directory = text_join(kit->top, "grader/explain"), *kind = join_words(argc - 1, argv + 1);
    const int code = *kind != '\0' ? show_page(directory, kind) : list_pages(directory);
    free(kind);
    free(directory);
    return code;
}
