/*
 * links.h: finds the links of an HTML page. Given: HTML is not the lesson, and you need not read past
 * the comments.
 *
 * Every address that leaves these functions has one form: absolute, `.` and `..` resolved, no fragment (`#...`).
 * So two links lead to the same page exactly if their texts are equal (strcmp).
 *
 * All functions work on their arguments only: any number of threads may call them at once. None blocks.
 */
#ifndef LAB_CRAWLER_LINKS_H
#define LAB_CRAWLER_LINKS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The links of one page, in the order of the page; the same address may occur more than once. */
struct links {
    char **urls;
    size_t count;
};

/* links_resolve: the address that `reference` means on the page `base`: links_resolve("http://h:80/a/b.html",
 * "../c.html#top") is "http://h:80/c.html". `base` is absolute. Returns NULL if that is no http or
 * https address (mailto: and the like) or memory ran out. The caller frees the string with free(). */
static inline char *links_resolve(const char *base, const char *reference);

/* links_same_site: whether two absolute addresses have the same scheme, host and port. */
static inline bool links_same_site(const char *a, const char *b);

/* links_find: every link of a page: the href of each <a> in the `length` bytes at `html` (which need
 * not end in a NUL; NULL if length is 0), resolved against `base`, the address of the page itself. Links to other
 * sites are among them. Links that cannot be resolved are left out. Free the result with links_free. */
static inline struct links links_find(const char *base, const char *html, size_t length);

/* links_free: frees the list and its strings. To keep a string, take it out and put NULL in its place. */
static inline void links_free(struct links *links);

/* ---- below: how it is done ---- */

static inline char *links_resolve(const char *base, const char *reference)
{
    CURLU *url = curl_url();
    char *found = NULL, *copy = NULL, *cut = strndup(reference, strcspn(reference, "#"));
    if (url != NULL && cut != NULL && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
        (cut[0] == '\0' || curl_url_set(url, CURLUPART_URL, cut, 0) == CURLUE_OK) &&
        curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &found, 0) == CURLUE_OK &&
        (strncmp(found, "http://", 7) == 0 || strncmp(found, "https://", 8) == 0))
        copy = strdup(found);
    curl_free(found);
    free(cut);
    curl_url_cleanup(url);
    return copy;
}

/* Length of "scheme://host:port" at the start of `url`. */
static inline size_t links_site_length(const char *url)
{
    const char *mark = strstr(url, "://");
    return mark == NULL ? strlen(url) : (size_t)(mark + 3 - url) + strcspn(mark + 3, "/?#");
}

static inline bool links_same_site(const char *a, const char *b)
{
    const size_t length = links_site_length(a);
    return length == links_site_length(b) && strncasecmp(a, b, length) == 0;
}

/* The quoted value of the href in the tag text from `tag` to `end`; NULL if it has none. Caller frees. */
static inline char *links_href(const char *tag, const char *end)
{
    for (const char *at = tag; at + 6 < end; at++) {
        if (strncasecmp(at, "href=", 5) != 0 || strchr(" \t\r\n", at[-1]) == NULL)
            continue;
        const char quote = at[5], *value = at + 6;
        const char *close = quote == '"' || quote == '\'' ? memchr(value, quote, (size_t)(end - value)) : NULL;
        return close != NULL ? strndup(value, (size_t)(close - value)) : NULL;
    }
    return NULL;
}

static inline void links_append(struct links *links, char *url)
{
    char **grown = url != NULL ? realloc(links->urls, (links->count + 1) * sizeof *grown) : NULL;
    if (grown == NULL) {
        free(url);
        return;
    }
    links->urls = grown;
    links->urls[links->count++] = url;
}

static inline struct links links_find(const char *base, const char *html, size_t length)
{
    struct links links = {NULL, 0};
    const char *end = html + length, *tag = html;
    while (tag < end && (tag = memchr(tag, '<', (size_t)(end - tag))) != NULL) {
        const char *close = memchr(tag, '>', (size_t)(end - tag));
        if (close == NULL)
            break;
        if (close - tag > 3 && (tag[1] == 'a' || tag[1] == 'A') && strchr(" \t\r\n", tag[2]) != NULL) {
            char *href = links_href(tag + 3, close);
            if (href != NULL)
                links_append(&links, links_resolve(base, href));
            free(href);
        }
        tag = close + 1;
    }
    return links;
}

static inline void links_free(struct links *links)
{
    for (size_t i = 0; i < links->count; i++)
        free(links->urls[i]);
    free(links->urls);
    links->urls = NULL;
    links->count = 0;
}

#endif
