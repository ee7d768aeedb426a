#include "fake_curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

static void set_defaults(struct fake_easy *easy)
{
    easy->set.most_redirects = -1;
}

CURL *curl_easy_init(void)
{
    struct fake_easy *easy = calloc(1, sizeof *easy);
    if (easy != NULL) {
        set_defaults(easy);
        fake_curl_made(easy, FAKE_CALLER);
    }
    return easy;
}

static void forget_transfer(struct fake_easy *easy)
{
    free(easy->effective_url);
    free(easy->redirect_url);
    easy->effective_url = easy->redirect_url = NULL;
    easy->status = easy->redirects = 0;
    easy->length = 0;
    easy->result = CURLE_OK;
}

void curl_easy_cleanup(CURL *handle)
{
    struct fake_easy *easy = handle;
    if (easy == NULL)
        return;
    fake_multi_drop(easy);
    forget_transfer(easy);
    free(easy->set.url);
    fake_curl_gone(easy);
    free(easy);
}

void curl_easy_reset(CURL *handle)
{
    struct fake_easy *easy = handle;
    forget_transfer(easy);
    free(easy->set.url);
    memset(&easy->set, 0, sizeof easy->set);
    set_defaults(easy);
}

CURL *curl_easy_duphandle(CURL *handle)
{
    const struct fake_easy *easy = handle;
    struct fake_easy *copy = curl_easy_init();
    fake_curl_made(copy, FAKE_CALLER);
    if (copy != NULL) {
        copy->set = easy->set;
        copy->set.url = easy->set.url != NULL ? strdup(easy->set.url) : NULL;
    }
    return copy;
}

/* libcurl locks what handles share around each use of it. */
static void use_share(struct fake_easy *easy)
{
    struct fake_share *share = easy->set.share;
    if (share == NULL)
        return;
    if (share->lock != NULL)
        share->lock(easy, CURL_LOCK_DATA_DNS, CURL_LOCK_ACCESS_SINGLE, share->context);
    share->uses++;
    if (share->unlock != NULL)
        share->unlock(easy, CURL_LOCK_DATA_DNS, share->context);
}

static void ask(struct fake_easy *easy)
{
    easy->page = NULL;
    easy->reached = false;
    if (easy->effective_url == NULL) {
        easy->result = CURLE_URL_MALFORMAT;
        return;
    }
    easy->page = fake_site_find(easy->effective_url, &easy->reached);
    fake_site_begin(easy->page);
}

void fake_easy_begin(struct fake_easy *easy)
{
    char *url = easy->set.url;
    forget_transfer(easy);
    use_share(easy);
    if (easy->set.handle != NULL && curl_url_get(easy->set.handle, CURLUPART_URL, &url, 0) != CURLUE_OK)
        url = NULL;
    easy->effective_url = url != NULL ? fake_url_join(NULL, url) : NULL;
    if (easy->set.handle != NULL)
        curl_free(url);
    ask(easy);
}

void fake_easy_forget(struct fake_easy *easy)
{
    if (easy->effective_url != NULL)
        fake_site_end();
}

/* One piece of headers or body: in memory of its own, which is gone after the callback, and without a NUL. */
static bool hand_over(struct fake_easy *easy, bool header, const char *text, size_t length)
{
    curl_write_callback callback = header && easy->set.header != NULL ? easy->set.header : easy->set.write;
    void *data = header ? easy->set.header_data : easy->set.write_data;
    if (length == 0 || (header && easy->set.header == NULL && data == NULL))
        return true;
    char *piece = malloc(length);
    if (piece == NULL)
        return false;
    memcpy(piece, text, length);
    const size_t taken = callback != NULL ? callback(piece, 1, length, data)
                                          : fwrite(piece, 1, length, data != NULL ? (FILE *)data : stdout);
    free(piece);
    if (taken == CURL_WRITEFUNC_PAUSE)
        scenario_unsupported("CURL_WRITEFUNC_PAUSE");
    return taken == length;
}

static bool hand_over_line(struct fake_easy *easy, const char *name, const char *value)
{
    char line[200];
    if (easy->set.header == NULL && easy->set.header_data == NULL)
        return true;
    snprintf(line, sizeof line, "%s%s\r\n", name, value);
    return hand_over(easy, true, line, strlen(line));
}

static const char *body_of(const struct fake_easy *easy)
{
    if (easy->page == NULL)
        return "<html>not here</html>";
    return easy->page->body != NULL ? easy->page->body : "";
}

static size_t length_of(const struct fake_easy *easy)
{
    return easy->page != NULL && easy->page->length > 0 ? easy->page->length : strlen(body_of(easy));
}

static long status_of(const struct fake_easy *easy)
{
    if (easy->page == NULL)
        return 404;
    return easy->page->status != 0 ? easy->page->status : 200;
}

static bool hand_over_headers(struct fake_easy *easy)
{
    char number[24];
    snprintf(number, sizeof number, "%ld", easy->status);
    bool taken = hand_over_line(easy, "HTTP/1.1 ", number);
    snprintf(number, sizeof number, "%zu", length_of(easy));
    taken = taken && hand_over_line(easy, "Content-Type: ", "text/html");
    taken = taken && hand_over_line(easy, "Content-Length: ", number);
    if (easy->page != NULL && easy->page->location != NULL) {
        const char *name = easy->page->small_letters ? "location: " : "Location: ";
        taken = taken && hand_over_line(easy, name, easy->page->location);
    }
    return taken && hand_over_line(easy, "", "");
}

/* In two pieces; of a connection that breaks only the first one comes. */
static CURLcode hand_over_body(struct fake_easy *easy)
{
    const char *body = body_of(easy);
    const size_t length = length_of(easy), half = length / 2;
    const bool reset = easy->page != NULL && easy->page->reset;
    const bool broken = reset || (easy->page != NULL && easy->page->broken);
    if (!hand_over(easy, false, body, half) || (!broken && !hand_over(easy, false, body + half, length - half)))
        return CURLE_WRITE_ERROR;
    easy->length = (curl_off_t)(broken ? half : length);
    if (reset)
        return CURLE_RECV_ERROR;
    return broken ? CURLE_PARTIAL_FILE : CURLE_OK;
}

/* Whether another request is made because of this answer. */
static bool follows(struct fake_easy *easy)
{
    enum { PATIENCE = 50 };
    const long most = easy->set.most_redirects >= 0 ? easy->set.most_redirects : PATIENCE;
    char *target = fake_url_join(easy->effective_url, easy->page->location);
    if (target == NULL)
        return false;
    if (!easy->set.follow || easy->redirects >= most) {
        free(easy->redirect_url);
        easy->redirect_url = target;
        if (easy->set.follow)
            easy->result = CURLE_TOO_MANY_REDIRECTS;
        return false;
    }
    free(easy->effective_url);
    easy->effective_url = target;
    easy->redirects++;
    return true;
}

/* The answer of a site that is there. Returns as fake_easy_answer. */
static bool take_in(struct fake_easy *easy)
{
    easy->status = status_of(easy);
    if (!hand_over_headers(easy)) {
        easy->result = CURLE_WRITE_ERROR;
        return false;
    }
    const bool redirect = easy->status / 100 == 3 && easy->page->location != NULL;
    if (redirect && follows(easy)) {
        ask(easy);
        return true;
    }
    if (easy->set.fail_on_error && easy->status >= 400)
        easy->result = CURLE_HTTP_RETURNED_ERROR;
    if (easy->result == CURLE_OK)
        easy->result = hand_over_body(easy);
    return false;
}

/* Whether libcurl has given up before the answer came. */
static bool is_too_slow(const struct fake_easy *easy)
{
    const long time = easy->page != NULL ? (long)easy->page->slow_ms : 0;
    return (easy->set.most_ms > 0 && easy->set.most_ms < time) ||
           (easy->set.stalled_after_s > 0 && easy->set.stalled_below > 0 && 1000 * easy->set.stalled_after_s < time);
}

bool fake_easy_answer(struct fake_easy *easy)
{
    fake_easy_forget(easy);
    if (easy->effective_url == NULL)
        return false;
    const bool too_slow = is_too_slow(easy);
    if (easy->reached && !too_slow && take_in(easy))
        return true;
    if (!easy->reached || too_slow)
        easy->result = easy->reached ? CURLE_OPERATION_TIMEDOUT : CURLE_COULDNT_CONNECT;
    if (easy->result != CURLE_OK && easy->set.error_text != NULL)
        strcpy(easy->set.error_text, curl_easy_strerror(easy->result));
    return false;
}

CURLcode curl_easy_perform(CURL *handle)
{
    struct fake_easy *easy = handle;
    if (easy == NULL)
        return CURLE_BAD_FUNCTION_ARGUMENT;
    if (easy->multi != NULL)
        return CURLE_FAILED_INIT;
    fake_easy_begin(easy);
    do
        if (easy->effective_url != NULL)
            fake_site_wait(easy->page);
    while (fake_easy_answer(easy));
    return easy->result;
}
