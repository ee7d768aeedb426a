#include "fake_curl.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scenario.h"

static int opened; /* calls of curl_global_init without their curl_global_cleanup yet */

FAKE_UNSEEN int fake_curl_opened(void)
{
    return opened;
}

FAKE_UNSEEN CURLcode curl_global_init(long flags)
{
    (void)flags;
    opened++;
    return CURLE_OK;
}

CURLcode curl_global_init_mem(long flags, curl_malloc_callback m, curl_free_callback f, curl_realloc_callback r,
                              curl_strdup_callback s, curl_calloc_callback c)
{
    (void)m;
    (void)f;
    (void)r;
    (void)s;
    (void)c;
    return curl_global_init(flags);
}

CURLsslset curl_global_sslset(curl_sslbackend id, const char *name, const curl_ssl_backend ***available)
{
    (void)id;
    (void)name;
    if (available != NULL)
        *available = NULL;
    return CURLSSLSET_TOO_LATE;
}

FAKE_UNSEEN void curl_global_cleanup(void)
{
    opened--;
}

void curl_free(void *block)
{
    free(block);
}

const char *curl_easy_strerror(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return "No error";
    case CURLE_COULDNT_CONNECT:
        return "Couldn't connect to server";
    case CURLE_PARTIAL_FILE:
        return "Transferred a partial file";
    case CURLE_WRITE_ERROR:
        return "Failed writing received data to disk/application";
    case CURLE_URL_MALFORMAT:
        return "URL using bad/illegal format or missing URL";
    case CURLE_TOO_MANY_REDIRECTS:
        return "Number of redirects hit maximum amount";
    case CURLE_HTTP_RETURNED_ERROR:
        return "HTTP response code said error";
    default:
        return "an error of curl";
    }
}

char *curl_version(void)
{
    return (char *)"libcurl/" LIBCURL_VERSION;
}

curl_version_info_data *curl_version_info(CURLversion age)
{
    static curl_version_info_data data = {.version = LIBCURL_VERSION, .version_num = LIBCURL_VERSION_NUM};
    (void)age;
    return &data;
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    struct curl_slist *item = malloc(sizeof *item), **end = &list;
    if (item == NULL)
        return NULL;
    *item = (struct curl_slist){strdup(text), NULL};
    while (*end != NULL)
        end = &(*end)->next;
    *end = item;
    return list;
}

void curl_slist_free_all(struct curl_slist *list)
{
    while (list != NULL) {
        struct curl_slist *next = list->next;
        free(list->data);
        free(list);
        list = next;
    }
}

CURLSH *curl_share_init(void)
{
    struct fake_share *share = calloc(1, sizeof *share);
    if (share != NULL)
        fake_curl_made(share, FAKE_CALLER);
    return share;
}

CURLSHcode curl_share_setopt(CURLSH *handle, CURLSHoption option, ...)
{
    struct fake_share *share = handle;
    va_list arguments;
    va_start(arguments, option);
    if (option == CURLSHOPT_LOCKFUNC)
        share->lock = va_arg(arguments, curl_lock_function);
    else if (option == CURLSHOPT_UNLOCKFUNC)
        share->unlock = va_arg(arguments, curl_unlock_function);
    else if (option == CURLSHOPT_USERDATA)
        share->context = va_arg(arguments, void *);
    va_end(arguments);
    return CURLSHE_OK;
}

CURLSHcode curl_share_cleanup(CURLSH *handle)
{
    fake_curl_gone(handle);
    free(handle);
    return handle != NULL ? CURLSHE_OK : CURLSHE_INVALID;
}

const char *curl_share_strerror(CURLSHcode code)
{
    return code == CURLSHE_OK ? "No error" : "an error of curl's share interface";
}

int curl_strequal(const char *one, const char *other)
{
    return strcasecmp(one, other) == 0;
}

int curl_strnequal(const char *one, const char *other, size_t length)
{
    return strncasecmp(one, other, length) == 0;
}

char *curl_easy_escape(CURL *handle, const char *text, int length)
{
    const size_t count = length > 0 ? (size_t)length : strlen(text);
    char *escaped = malloc(3 * count + 1), *end = escaped;
    (void)handle;
    for (size_t i = 0; escaped != NULL && i < count; i++) {
        if (isalnum((unsigned char)text[i]) || strchr("-._~", text[i]) != NULL)
            *end++ = text[i];
        else
            end += sprintf(end, "%%%02X", (unsigned char)text[i]);
    }
    if (escaped != NULL)
        *end = '\0';
    return escaped;
}

char *curl_escape(const char *text, int length)
{
    return curl_easy_escape(NULL, text, length);
}

static int digit(char hex)
{
    return isdigit((unsigned char)hex) ? hex - '0' : tolower((unsigned char)hex) - 'a' + 10;
}

char *curl_easy_unescape(CURL *handle, const char *text, int length, int *new_length)
{
    const size_t count = length > 0 ? (size_t)length : strlen(text);
    char *plain = malloc(count + 1);
    size_t used = 0;
    (void)handle;
    for (size_t i = 0; plain != NULL && i < count; i++) {
        const bool escaped = text[i] == '%' && i + 2 < count && isxdigit((unsigned char)text[i + 1]) &&
                             isxdigit((unsigned char)text[i + 2]);
        plain[used++] = escaped ? (char)(16 * digit(text[i + 1]) + digit(text[i + 2])) : text[i];
        i += escaped ? 2 : 0;
    }
    if (plain != NULL)
        plain[used] = '\0';
    if (new_length != NULL)
        *new_length = (int)used;
    return plain;
}

char *curl_unescape(const char *text, int length)
{
    return curl_easy_unescape(NULL, text, length, NULL);
}
