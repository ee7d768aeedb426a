/*
 * names.h: names of people and files as systems write them, brought into one form.
 */
#ifndef GRADER_BATCH_NAMES_H
#define GRADER_BATCH_NAMES_H

/* names_tidy: `name` in Unicode's composed form (NFC: a Mac decomposes Korean syllables and accents), without control
 * characters and with single spaces; bytes that are not UTF-8 become '?'. Caller frees. */
char *names_tidy(const char *name);

/* names_fold: what two spellings of one name have in common: letters and digits only, case folded, compatibility
 * forms and full-width letters made plain (NFKC). "Kim, Min-su" and "kimminsu" agree. Caller frees. */
char *names_fold(const char *name);

/* names_sorted: the words of a name, folded, sorted and written together: "Kim, Minsu" and "Minsu Kim" agree. Caller
 * frees. */
char *names_sorted(const char *name);

/* names_turned: folded, with the last word first: "Minsu Kim" agrees with "kimminsu" folded. Caller frees. */
char *names_turned(const char *name);

#endif
