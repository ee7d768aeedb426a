#include "fake_curl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

enum { PARTS = CURLUPART_ZONEID + 1 };

/* Version 8 of libcurl has taken up const here. */
#if LIBCURL_VERSION_MAJOR >= 8
#define READ_ONLY const
#else
#define READ_ONLY
#endif

/* Without its query and fragment signs; NULL: not there. part[CURLUPART_URL] is never used. */
struct Curl_URL {
    char *parts[PARTS];
};

CURLU *curl_url(void)
{
    CURLU *url = calloc(1, sizeof *url);
    if (url != NULL)
        fake_curl_made(url, FAKE_CALLER);
    return url;
}

static void clear(CURLU *url)
{
    for (int i = 0; i < PARTS; i++) {
        free(url->parts[i]);
        url->parts[i] = NULL;
    }
}

void curl_url_cleanup(CURLU *url)
{
    if (url == NULL)
        return;
    clear(url);
    fake_curl_gone(url);
    free(url);
}

CURLU *curl_url_dup(READ_ONLY CURLU *url)
{
    CURLU *copy = curl_url();
    fake_curl_made(copy, FAKE_CALLER);
    for (int i = 0; copy != NULL && i < PARTS; i++)
        copy->parts[i] = url->parts[i] != NULL ? strdup(url->parts[i]) : NULL;
    return copy;
}

/* Length of "scheme" if `text` begins with "scheme:", else 0. */
static size_t scheme_length(const char *text)
{
    const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return isalpha((unsigned char)text[0]) && text[length] == ':' ? length : 0;
}

static void drop_last(const char *path, size_t *length)
{
    while (*length > 0 && path[*length - 1] != '/')
        --*length;
    if (*length > 0)
        --*length;
}

/* Resolves "." and ".." in a path that begins with '/'; in place, it only gets shorter. */
FAKE_UNSEEN static void remove_dots(char *path)
{
    const char *from = path;
    size_t length = 0;
    while (*from == '/') {
        const size_t part = strcspn(from + 1, "/");
        const bool last = from[1 + part] == '\0', one = part == 1 && from[1] == '.';
        const bool two = part == 2 && from[1] == '.' && from[2] == '.';
        if (two)
            drop_last(path, &length);
        if (!one && !two) {
            memmove(path + length, from, part + 1);
            length += part + 1;
        } else if (last) {
            path[length++] = '/';
        }
        from += 1 + part;
    }
    path[length] = '\0';
}

static CURLUcode set_authority(CURLU *url, const char *text, size_t length)
{
    const char *at = memchr(text, '@', length);
    if (at != NULL) {
        const size_t user = (size_t)(at - text), name = strcspn(text, ":@");
        url->parts[CURLUPART_USER] = strndup(text, name);
        if (name < user)
            url->parts[CURLUPART_PASSWORD] = strndup(text + name + 1, user - name - 1);
        length -= user + 1;
        text = at + 1;
    }
    const size_t host = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/?#");
    if (host == 0 || host > length)
        return CURLUE_NO_HOST;
    url->parts[CURLUPART_HOST] = strndup(text, host);
    if (host == length)
        return CURLUE_OK;
    const size_t digits = strspn(text + host + 1, "0123456789");
    if (text[host] != ':' || host + 1 + digits != length || strtoul(text + host + 1, NULL, 10) > 65535)
        return CURLUE_BAD_PORT_NUMBER;
    if (digits > 0)
        url->parts[CURLUPART_PORT] = strndup(text + host + 1, digits);
    return CURLUE_OK;
}

static void set_rest(CURLU *url, const char *text, unsigned flags)
{
    const size_t path = strcspn(text, "?#");
    const char *query = text + path, *fragment = query + strcspn(query, "#");
    url->parts[CURLUPART_PATH] = path > 0 ? strndup(text, path) : strdup("/");
    if (!(flags & CURLU_PATH_AS_IS))
        remove_dots(url->parts[CURLUPART_PATH]);
    if (*query == '?' && fragment > query + 1)
        url->parts[CURLUPART_QUERY] = strndup(query + 1, (size_t)(fragment - query - 1));
    if (*fragment == '#' && fragment[1] != '\0')
        url->parts[CURLUPART_FRAGMENT] = strdup(fragment + 1);
}

FAKE_UNSEEN static bool has_bad_bytes(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return true;
    return false;
}

/* Caller frees. */
FAKE_UNSEEN static char *encode_spaces(const char *text)
{
    char *encoded = malloc(3 * strlen(text) + 1), *end = encoded;
    for (; encoded != NULL && *text != '\0'; text++) {
        if (*text == ' ')
            end = stpcpy(end, "%20");
        else
            *end++ = *text;
    }
    if (encoded != NULL)
        *end = '\0';
    return encoded;
}

static CURLUcode check_scheme(const char *scheme, unsigned flags)
{
    if (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0 || (flags & CURLU_NON_SUPPORT_SCHEME))
        return CURLUE_OK;
    return CURLUE_UNSUPPORTED_SCHEME;
}

/* `text` begins with a scheme. On an error `into` is as it was. */
static CURLUcode parse(CURLU *into, const char *text, unsigned flags)
{
    CURLU url = {{NULL}};
    const size_t scheme = scheme_length(text), slashes = strspn(text + scheme + 1, "/");
    const char *authority = text + scheme + 1 + slashes;
    const size_t length = strcspn(authority, "/?#");
    url.parts[CURLUPART_SCHEME] = strndup(text, scheme);
    for (char *c = url.parts[CURLUPART_SCHEME]; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    CURLUcode code = check_scheme(url.parts[CURLUPART_SCHEME], flags);
    if (code == CURLUE_OK && (slashes < 1 || slashes > 3))
        code = CURLUE_BAD_SLASHES;
    if (code == CURLUE_OK)
        code = set_authority(&url, authority, length);
    if (code != CURLUE_OK) {
        clear(&url);
        return code;
    }
    set_rest(&url, authority + length, flags);
    clear(into);
    *into = url;
    return CURLUE_OK;
}

static char *concat(const char *one, const char *two, const char *three)
{
    const size_t size = strlen(one) + strlen(two) + strlen(three) + 1;
    char *text = malloc(size);
    if (text != NULL)
        snprintf(text, size, "%s%s%s", one, two, three);
    return text;
}

/* The address of `url` up to its host and port, its path, and, as asked for, its query. Caller frees. */
static char *write_url(const CURLU *url, bool query, bool fragment)
{
    char *const *part = url->parts;
    size_t size = sizeof "://@:?#" + strlen("/") + 1;
    for (int i = 0; i < PARTS; i++)
        size += part[i] != NULL ? strlen(part[i]) + 1 : 0;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    const bool user = part[CURLUPART_USER] != NULL, password = part[CURLUPART_PASSWORD] != NULL;
    const bool port = part[CURLUPART_PORT] != NULL;
    query = query && part[CURLUPART_QUERY] != NULL;
    fragment = fragment && part[CURLUPART_FRAGMENT] != NULL;
    snprintf(text, size, "%s://%s%s%s%s%s%s%s%s%s%s%s%s", part[CURLUPART_SCHEME], user ? part[CURLUPART_USER] : "",
             password ? ":" : "", password ? part[CURLUPART_PASSWORD] : "", user ? "@" : "", part[CURLUPART_HOST],
             port ? ":" : "", port ? part[CURLUPART_PORT] : "",
             part[CURLUPART_PATH] != NULL ? part[CURLUPART_PATH] : "/", query ? "?" : "",
             query ? part[CURLUPART_QUERY] : "", fragment ? "#" : "", fragment ? part[CURLUPART_FRAGMENT] : "");
    return text;
}

/* The text of `reference`, which has no scheme, with all it lacks taken from `url`. Caller frees. */
static char *complete(const CURLU *url, const char *reference)
{
    char *base = write_url(url, reference[0] == '#', false), *encoded = encode_spaces(reference), *text;
    if (base == NULL || encoded == NULL) {
        free(base);
        free(encoded);
        return NULL;
    }
    char *path = base + strlen(url->parts[CURLUPART_SCHEME]) + strlen("://");
    path += strcspn(path, "/");
    if (strncmp(reference, "//", 2) == 0)
        base[strlen(url->parts[CURLUPART_SCHEME]) + 1] = '\0';
    else if (reference[0] == '/')
        *path = '\0';
    else if (reference[0] != '?' && reference[0] != '#')
        strrchr(path, '/')[1] = '\0';
    text = concat(base, encoded, "");
    free(encoded);
    free(base);
    return text;
}

static CURLUcode set_url(CURLU *url, const char *text, unsigned flags)
{
    const bool absolute = scheme_length(text) > 0, spaces = flags & (CURLU_ALLOW_SPACE | CURLU_URLENCODE);
    if (has_bad_bytes(text) || (absolute && !spaces && strchr(text, ' ') != NULL))
        return CURLUE_MALFORMED_INPUT;
    if (absolute && (text[scheme_length(text) + 1] == '/' || url->parts[CURLUPART_HOST] != NULL))
        return parse(url, text, flags);
    char *whole = NULL;
    if (url->parts[CURLUPART_HOST] != NULL)
        whole = complete(url, text);
    else if (flags & (CURLU_DEFAULT_SCHEME | CURLU_GUESS_SCHEME))
        whole = concat(flags & CURLU_DEFAULT_SCHEME ? "https://" : "http://", text, "");
    else
        return CURLUE_BAD_SCHEME;
    const CURLUcode code = whole != NULL ? parse(url, whole, flags) : CURLUE_OUT_OF_MEMORY;
    free(whole);
    return code;
}

CURLUcode curl_url_set(CURLU *url, CURLUPart what, const char *text, unsigned flags)
{
    if (url == NULL)
        return CURLUE_BAD_HANDLE;
    if (flags & CURLU_APPENDQUERY)
        scenario_unsupported("curl_url_set with CURLU_APPENDQUERY");
    if (what == CURLUPART_URL && text != NULL)
        return set_url(url, text, flags);
    if (what == CURLUPART_URL)
        clear(url);
    else {
        char *old = url->parts[what];
        url->parts[what] = text != NULL ? strdup(text) : NULL;
        free(old);
    }
    return CURLUE_OK;
}

static CURLUcode missing(CURLUPart what)
{
    static const CURLUcode codes[PARTS] = {
        [CURLUPART_URL] = CURLUE_NO_HOST,        [CURLUPART_SCHEME] = CURLUE_NO_SCHEME,
        [CURLUPART_USER] = CURLUE_NO_USER,       [CURLUPART_PASSWORD] = CURLUE_NO_PASSWORD,
        [CURLUPART_OPTIONS] = CURLUE_NO_OPTIONS, [CURLUPART_HOST] = CURLUE_NO_HOST,
        [CURLUPART_PORT] = CURLUE_NO_PORT,       [CURLUPART_PATH] = CURLUE_UNKNOWN_PART,
        [CURLUPART_QUERY] = CURLUE_NO_QUERY,     [CURLUPART_FRAGMENT] = CURLUE_NO_FRAGMENT,
        [CURLUPART_ZONEID] = CURLUE_NO_ZONEID,
    };
    return codes[what];
}

static const char *default_port(const CURLU *url)
{
    return strcmp(url->parts[CURLUPART_SCHEME], "https") == 0 ? "443" : "80";
}

CURLUcode curl_url_get(READ_ONLY CURLU *url, CURLUPart what, char **text, unsigned flags)
{
    if (url == NULL)
        return CURLUE_BAD_HANDLE;
    *text = NULL;
    const bool whole = url->parts[CURLUPART_SCHEME] != NULL && url->parts[CURLUPART_HOST] != NULL;
    const char *part = what == CURLUPART_URL ? NULL : url->parts[what];
    if (what == CURLUPART_PATH && part == NULL)
        part = "/";
    if (what == CURLUPART_PORT && part == NULL && whole && (flags & CURLU_DEFAULT_PORT))
        part = default_port(url);
    if (what == CURLUPART_PORT && part != NULL && whole && (flags & CURLU_NO_DEFAULT_PORT) &&
        strcmp(part, default_port(url)) == 0)
        part = NULL;
    if (what == CURLUPART_URL ? !whole : part == NULL)
        return missing(what);
    if (what == CURLUPART_URL)
        *text = write_url(url, true, true);
    else
        *text = flags & CURLU_URLDECODE ? curl_easy_unescape(NULL, part, 0, NULL) : strdup(part);
    return *text != NULL ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
}

char *fake_url_join(const char *base, const char *reference)
{
    CURLU url = {{NULL}};
    char *text = NULL;
    if ((base == NULL || set_url(&url, base, 0) == CURLUE_OK) &&
        set_url(&url, reference, CURLU_GUESS_SCHEME | CURLU_ALLOW_SPACE) == CURLUE_OK)
        text = write_url(&url, true, true);
    clear(&url);
    return text;
}

const char *curl_url_strerror(CURLUcode code)
{
    return code == CURLUE_OK ? "No error" : "an error of curl's URL interface";
}
