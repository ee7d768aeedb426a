#include "names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "../text.h"

char *names_tidy(const char *name)
{
    size_t length = 0, used = 0;
    char *clean = text_clean(name);
    uint8_t *composed = u8_normalize(UNINORM_NFC, (const uint8_t *)clean, strlen(clean), NULL, &length);
    char *tidy = composed != NULL ? text_copy((const char *)composed, length) : text_format("%s", clean);
    free(composed);
    free(clean);
    for (const char *c = tidy; *c != '\0'; c++) {
        const bool space = *c == ' ' || *c == '\t' || *c == '\n';
        if (!space || (used > 0 && tidy[used - 1] != ' '))
            tidy[used++] = space ? ' ' : *c;
    }
    while (used > 0 && tidy[used - 1] == ' ')
        used--;
    tidy[used] = '\0';
    return tidy;
}

/* Keeps letters, digits and what belongs to letters; each run of anything else becomes `gap` (0: nothing). */
static char *letters(const char *name, char gap)
{
    size_t length = 0, used = 0;
    char *clean = text_clean(name);
    uint8_t *folded = u8_casefold((const uint8_t *)clean, strlen(clean), NULL, UNINORM_NFKC, NULL, &length);
    char *out = text_allocate(length + 1, 1);
    free(clean);
    for (size_t i = 0; folded != NULL && i < length;) {
        ucs4_t c;
        const int step = u8_mbtoucr(&c, folded + i, length - i);
        if (step <= 0)
            break;
        if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_M)) {
            memcpy(out + used, folded + i, (size_t)step);
            used += (size_t)step;
        } else if (gap != '\0' && c != '\'' && used > 0 && out[used - 1] != gap) {
            out[used++] = gap;
        }
        i += (size_t)step;
    }
    free(folded);
    return out;
}

char *names_fold(const char *name)
{
    return letters(name, '\0');
}

static int compare_words(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

char *names_sorted(const char *name)
{
    enum { WORDS = 16 };
    char *words[WORDS], *spaced = letters(name, ' '), *rest = spaced, *word;
    char *out = text_allocate(strlen(spaced) + 1, 1);
    size_t count = 0;
    while (count < WORDS && (word = strsep(&rest, " ")) != NULL)
        words[count++] = word;
    qsort(words, count, sizeof *words, compare_words);
    for (size_t i = 0; i < count; i++)
        strcat(out, words[i]);
    if (rest != NULL)
        strcat(out, rest);
    free(spaced);
    return out;
}

char *names_turned(const char *name)
{
    char *spaced = letters(name, ' ');
    char *last = strrchr(spaced, ' ');
    if (last != NULL)
        *last = '\0';
    char *joined = text_format("%s%s", last != NULL ? last + 1 : "", spaced);
    char *turned = text_replace(joined, " ", "");
    free(joined);
    free(spaced);
    return turned;
}
