#include "fake_curl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

/* Options that make no difference to a GET from a site in memory. */
static const CURLoption ignored[] = {
    CURLOPT_NOSIGNAL,
    CURLOPT_HTTPGET,
    CURLOPT_USERAGENT,
    CURLOPT_REFERER,
    CURLOPT_AUTOREFERER,
    CURLOPT_COOKIE,
    CURLOPT_COOKIEFILE,
    CURLOPT_COOKIEJAR,
    CURLOPT_COOKIELIST,
    CURLOPT_HTTPHEADER,
    CURLOPT_ACCEPT_ENCODING,
    CURLOPT_HTTP_VERSION,
    CURLOPT_CONNECTTIMEOUT,
    CURLOPT_CONNECTTIMEOUT_MS,
    CURLOPT_SERVER_RESPONSE_TIMEOUT,
    CURLOPT_TCP_NODELAY,
    CURLOPT_TCP_KEEPALIVE,
    CURLOPT_TCP_KEEPIDLE,
    CURLOPT_TCP_KEEPINTVL,
    CURLOPT_TCP_FASTOPEN,
    CURLOPT_BUFFERSIZE,
    CURLOPT_FRESH_CONNECT,
    CURLOPT_FORBID_REUSE,
    CURLOPT_MAXCONNECTS,
    CURLOPT_MAXAGE_CONN,
    CURLOPT_IPRESOLVE,
    CURLOPT_DNS_CACHE_TIMEOUT,
    CURLOPT_DNS_SERVERS,
    CURLOPT_PROTOCOLS_STR,
    CURLOPT_REDIR_PROTOCOLS_STR,
    CURLOPT_DEFAULT_PROTOCOL,
    CURLOPT_PROXY,
    CURLOPT_NOPROXY,
    CURLOPT_SSL_VERIFYPEER,
    CURLOPT_SSL_VERIFYHOST,
    CURLOPT_SSLVERSION,
    CURLOPT_CAINFO,
    CURLOPT_CAPATH,
    CURLOPT_VERBOSE,
    CURLOPT_STDERR,
    CURLOPT_DEBUGFUNCTION,
    CURLOPT_DEBUGDATA,
    CURLOPT_NOPROGRESS,
    CURLOPT_XFERINFOFUNCTION,
    CURLOPT_XFERINFODATA,
    CURLOPT_HTTP09_ALLOWED,
    CURLOPT_PATH_AS_IS,
    CURLOPT_PIPEWAIT,
    CURLOPT_TRANSFER_ENCODING,
    CURLOPT_HTTP_TRANSFER_DECODING,
    CURLOPT_HTTP_CONTENT_DECODING,
    CURLOPT_UPKEEP_INTERVAL_MS,
    CURLOPT_MAXLIFETIME_CONN,
    CURLOPT_UNRESTRICTED_AUTH,
    CURLOPT_SUPPRESS_CONNECT_HEADERS,
    (CURLoption)181 /* PROTOCOLS, deprecated */,
    (CURLoption)182 /* REDIR_PROTOCOLS */,
    (CURLoption)(20000 + 56) /* PROGRESSFUNCTION */,
    (CURLoption)91 /* DNS_USE_GLOBAL_CACHE */,
};

static bool is_ignored(CURLoption option)
{
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        if (ignored[i] == option)
            return true;
    return false;
}

static CURLcode set_url(struct fake_easy *easy, const char *url)
{
    free(easy->set.url);
    easy->set.url = url != NULL ? strdup(url) : NULL;
    return url == NULL || easy->set.url != NULL ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

static CURLcode set_number(struct fake_easy *easy, CURLoption option, long number)
{
    if (option == CURLOPT_FOLLOWLOCATION)
        easy->set.follow = number != 0;
    else if (option == CURLOPT_MAXREDIRS)
        easy->set.most_redirects = number;
    else if (option == CURLOPT_FAILONERROR)
        easy->set.fail_on_error = number != 0;
    else if (option == CURLOPT_TIMEOUT)
        easy->set.most_ms = 1000 * number;
    else if (option == CURLOPT_TIMEOUT_MS)
        easy->set.most_ms = number;
    else if (option == CURLOPT_LOW_SPEED_TIME)
        easy->set.stalled_after_s = number;
    else if (option == CURLOPT_LOW_SPEED_LIMIT)
        easy->set.stalled_below = number;
    else if (number != 0) /* that something special is not wanted is no difference */
        scenario_unsupported("an option of curl_easy_setopt that changes what is asked for");
    return CURLE_OK;
}

static CURLcode set_pointer(struct fake_easy *easy, CURLoption option, void *pointer)
{
    if (option == CURLOPT_URL)
        return set_url(easy, pointer);
    if (option == CURLOPT_CURLU)
        easy->set.handle = pointer;
    else if (option == CURLOPT_WRITEDATA)
        easy->set.write_data = pointer;
    else if (option == CURLOPT_HEADERDATA)
        easy->set.header_data = pointer;
    else if (option == CURLOPT_PRIVATE)
        easy->set.private = pointer;
    else if (option == CURLOPT_ERRORBUFFER)
        easy->set.error_text = pointer;
    else if (option == CURLOPT_SHARE)
        easy->set.share = pointer;
    else if (pointer != NULL)
        scenario_unsupported("an option of curl_easy_setopt that changes what is asked for");
    return CURLE_OK;
}

static CURLcode set_function(struct fake_easy *easy, CURLoption option, curl_write_callback function)
{
    if (option == CURLOPT_WRITEFUNCTION)
        easy->set.write = function;
    else if (option == CURLOPT_HEADERFUNCTION)
        easy->set.header = function;
    else if (function != NULL)
        scenario_unsupported("a callback of curl_easy_setopt other than for body and headers");
    return CURLE_OK;
}

CURLcode curl_easy_setopt(CURL *handle, CURLoption option, ...)
{
    struct fake_easy *easy = handle;
    CURLcode code = CURLE_OK;
    va_list arguments;
    if (easy == NULL)
        return CURLE_BAD_FUNCTION_ARGUMENT;
    if (is_ignored(option))
        return CURLE_OK;
    va_start(arguments, option);
    if (option < CURLOPTTYPE_OBJECTPOINT)
        code = set_number(easy, option, va_arg(arguments, int)); /* whoever writes 1 for 1L means it */
    else if (option < CURLOPTTYPE_FUNCTIONPOINT)
        code = set_pointer(easy, option, va_arg(arguments, void *));
    else if (option < CURLOPTTYPE_OFF_T)
        code = set_function(easy, option, va_arg(arguments, curl_write_callback));
    else
        code = set_number(easy, option, (long)va_arg(arguments, curl_off_t));
    va_end(arguments);
    return code;
}

static const char *text_of(const struct fake_easy *easy, CURLINFO info)
{
    if (info == CURLINFO_EFFECTIVE_URL)
        return easy->effective_url != NULL ? easy->effective_url : "";
    if (info == CURLINFO_REDIRECT_URL)
        return easy->redirect_url;
    if (info == CURLINFO_CONTENT_TYPE)
        return easy->status != 0 ? "text/html" : NULL;
    if (info == CURLINFO_PRIVATE)
        return easy->set.private;
    if (info == CURLINFO_EFFECTIVE_METHOD)
        return "GET";
    if (info == CURLINFO_SCHEME)
        return easy->status != 0 ? "HTTP" : NULL;
    return NULL;
}

static long number_of(const struct fake_easy *easy, CURLINFO info)
{
    if (info == CURLINFO_RESPONSE_CODE)
        return easy->status;
    if (info == CURLINFO_REDIRECT_COUNT)
        return easy->redirects;
    if (info == CURLINFO_NUM_CONNECTS)
        return easy->reached;
    return 0;
}

static curl_off_t size_of(const struct fake_easy *easy, CURLINFO info)
{
    if (info == CURLINFO_SIZE_DOWNLOAD_T || info == CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
        return easy->length;
    return 0;
}

/* What is not known of a site in memory, such as times, is 0. */
CURLcode curl_easy_getinfo(CURL *handle, CURLINFO info, ...)
{
    struct fake_easy *easy = handle;
    va_list arguments;
    if (easy == NULL)
        return CURLE_BAD_FUNCTION_ARGUMENT;
    va_start(arguments, info);
    void *into = va_arg(arguments, void *);
    va_end(arguments);
    switch ((unsigned)info & CURLINFO_TYPEMASK) {
    case CURLINFO_STRING:
        *(const char **)into = text_of(easy, info);
        return CURLE_OK;
    case CURLINFO_LONG:
        *(long *)into = number_of(easy, info);
        return CURLE_OK;
    case CURLINFO_DOUBLE: /* the older forms: 8 is the size of what came, 15 what was announced */
        *(double *)into = (info & CURLINFO_MASK) == 8 || (info & CURLINFO_MASK) == 15 ? (double)easy->length : 0;
        return CURLE_OK;
    case CURLINFO_OFF_T:
        *(curl_off_t *)into = size_of(easy, info);
        return CURLE_OK;
    default:
        scenario_unsupported("curl_easy_getinfo of a list or a socket");
    }
}
