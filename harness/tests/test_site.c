/* The site of lab03 against libcurl. LOCKSTEP_HELPERS names the directory of the program `site`. */
#include <criterion/criterion.h>

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../site.h"
#include "../timing.h"

/* What curl says of an address: its status, the length and the type that its header tells (-1 and "": none), and a part
 * of its body. */
struct answer {
    long status;
    curl_off_t told;
    char type[32];
    size_t bytes;
    char body[4096];
    CURLcode result;
};

static size_t keep_body(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    for (size_t i = 0; i < size * count; i++, answer->bytes++)
        if (answer->bytes < sizeof answer->body - 1)
            answer->body[answer->bytes] = data[i];
    return size * count;
}

static struct answer ask(const char *url)
{
    struct answer answer = {0};
    const char *type = NULL;
    CURL *handle = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    answer.result = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &answer.told);
    curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
    snprintf(answer.type, sizeof answer.type, "%s", type != NULL ? type : "");
    curl_easy_cleanup(handle);
    return answer;
}

/* Fetches an address; returns the status of the answer, 0 if there is none. */
static long fetch(const char *url, size_t *bytes)
{
    const struct answer answer = ask(url);
    *bytes = answer.bytes;
    return answer.result == CURLE_OK ? answer.status : 0;
}

Test(site, one_page)
{
    const struct site_spec spec = {.seed = 3, .pages = 1};
    struct site_stats stats;
    size_t bytes = 0;
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    cr_expect_eq(fetch(site_url(site), &bytes), 200);
    cr_expect_gt(bytes, 0);
    cr_assert(site_stop(site, &stats));
    cr_expect_eq(stats.requests, 1);
    cr_expect_eq(stats.duplicates, 0);
    cr_expect_eq(stats.at_once, 1);
    cr_expect_eq(stats.expected_pages, 1);
    cr_expect_eq(stats.expected_bytes, bytes);
    cr_expect_eq(stats.unvisited, 0);
}

Test(site, duplicates_and_unknown_addresses_are_seen)
{
    const struct site_spec spec = {.seed = 3, .pages = 5};
    struct site_stats stats;
    size_t bytes;
    char url[200];
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(fetch(site_url(site), &bytes), 200);
    snprintf(url, sizeof url, "%sno-such-page.html", site_url(site));
    cr_expect_eq(fetch(url, &bytes), 404);
    cr_assert(site_stats(site, &stats));
    cr_expect_eq(stats.duplicates, 2);
    cr_expect_str_eq(stats.duplicate_path, "/");
    cr_expect_eq(stats.duplicate_count, 3);
    cr_expect_eq(stats.unknown, 1);
    cr_expect_str_eq(stats.unknown_path, "/no-such-page.html");
    cr_expect_eq(stats.unvisited, 4);
    cr_assert(site_reset(site));
    cr_assert(site_stop(site, &stats));
    cr_expect_eq(stats.requests, 0);
}

Test(site, latency_is_never_too_short)
{
    const struct site_spec spec = {.seed = 3, .pages = 1, .start_latency_us = 50000};
    size_t bytes;
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    const double start = timing_now();
    cr_expect_eq(fetch(site_url(site), &bytes), 200);
    cr_expect_geq(timing_now() - start, 0.050);
    site_stop(site, NULL);
}

Test(site, start_page_is_as_long_as_asked)
{
    const struct site_spec spec = {.seed = 3, .pages = 3, .width = 2, .start_bytes = 100000};
    size_t bytes;
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    cr_expect_eq(fetch(site_url(site), &bytes), 200);
    cr_expect_geq(bytes, 100000);
    cr_expect_lt(bytes, 110000);
    site_stop(site, NULL);
}

/* Asks for address `number` of a site, whose name is `stem`, in each of its directories; status 404 and no body if it
 * is in none. */
static struct answer ask_for(const struct site *site, const char *stem, int number)
{
    struct answer answer = {0};
    for (int directory = 0; directory < 10; directory++) {
        char url[200];
        snprintf(url, sizeof url, "%sd%d/%s%d.html", site_url(site), directory, stem, number);
        answer = ask(url);
        if (answer.status != 404 || answer.bytes > 0)
            break;
    }
    return answer;
}

Test(site, every_other_answer_does_not_tell_its_length)
{
    const struct site_spec spec = {.seed = 3, .pages = 5};
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    for (int number = 1; number < 5; number++) {
        const struct answer answer = ask_for(site, "p", number);
        cr_expect_eq(answer.result, CURLE_OK);
        cr_expect_eq(answer.status, 200);
        cr_expect_gt(answer.bytes, 0);
        if (number % 2 == 1)
            cr_expect_eq(answer.told, -1);
        else
            cr_expect_eq(answer.told, (curl_off_t)answer.bytes);
    }
    site_stop(site, NULL);
}

Test(site, every_third_answer_is_said_to_be_html)
{
    static const char *const types[] = {"text/html", "text/plain", ""};
    const struct site_spec spec = {.seed = 3, .pages = 6};
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    for (int number = 1; number < 6; number++)
        cr_expect_str_eq(ask_for(site, "p", number).type, types[number % 3]);
    site_stop(site, NULL);
}

Test(site, repeats_come_first)
{
    const struct site_spec spec = {.seed = 3, .pages = 3, .width = 2, .repeats = 3};
    struct site_stats stats;
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    const struct answer answer = ask(site_url(site));
    int repeats = 0;
    for (const char *at = answer.body; (at = strstr(at, "p1.html")) != NULL; at++)
        repeats++;
    const char *other = strstr(answer.body, "p2.html");
    cr_expect_eq(repeats, 4, "%s", answer.body);
    cr_expect(other != NULL && strstr(other, "p1.html") == NULL, "%s", answer.body);
    cr_assert(site_stop(site, &stats));
    cr_expect_eq(stats.expected_pages, 3);
}

Test(site, a_slow_page_is_linked_before_a_layer)
{
    const struct site_spec spec = {.seed = 3, .pages = 3, .width = 2, .slow = 1, .missing = 1};
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    const struct answer answer = ask(site_url(site));
    const char *slow = strstr(answer.body, "slow3.html"), *first = strstr(answer.body, "p1.html"),
               *missing = strstr(answer.body, "gone4.html");
    cr_expect(slow != NULL && first != NULL && missing != NULL && slow < first && first < missing, "%s", answer.body);
    site_stop(site, NULL);
}

Test(site, a_page_has_as_many_links_as_asked_up_to_a_limit)
{
    enum { LINKS = 70000 };
    struct site_stats stats;
    size_t bytes;
    struct site *site = site_start(&(struct site_spec){.seed = 3, .pages = LINKS + 1, .width = LINKS});
    cr_assert_not_null(site);
    cr_expect_eq(fetch(site_url(site), &bytes), 200);
    cr_expect_eq(ask_for(site, "p", LINKS).status, 200);
    cr_assert(site_stop(site, &stats));
    cr_expect_eq(stats.unvisited, LINKS - 1);
    cr_expect_eq(stats.expected_pages, LINKS + 1);
    cr_expect_null(site_start(&(struct site_spec){.seed = 3, .pages = 3000, .width = 1000}));
    cr_expect_null(site_start(&(struct site_spec){.seed = 3, .pages = 2, .repeats = UINT32_MAX}));
}

Test(site, what_is_no_page_has_a_body_with_a_link)
{
    static const struct {
        const char *stem, *link;
        long status;
        CURLcode result;
    } expected[] = {{"moved", "/linked-by-a-redirects-body-only.html", 301, CURLE_OK},
                    {"gone", "/linked-by-an-error-only.html", 404, CURLE_OK},
                    {"fail", "/linked-by-an-error-only.html", 500, CURLE_OK},
                    {"broken", "/linked-by-a-broken-page-only.html", 200, CURLE_PARTIAL_FILE},
                    {"broken", "/linked-by-a-broken-page-only.html", 200, CURLE_PARTIAL_FILE}};
    const struct site_spec spec = {.seed = 3, .pages = 2, .redirects = 1, .missing = 1, .failing = 1, .broken = 2};
    struct site_stats stats;
    struct site *site = site_start(&spec);
    cr_assert_not_null(site);
    for (int i = 0; i < 5; i++) {
        const struct answer answer = ask_for(site, expected[i].stem, 2 + i);
        cr_expect_eq(answer.result, expected[i].result, "%s: %d", expected[i].stem, (int)answer.result);
        cr_expect_eq(answer.status, expected[i].status, "%s: %ld", expected[i].stem, answer.status);
        cr_expect(strstr(answer.body, expected[i].link) != NULL, "%s: %s", expected[i].stem, answer.body);
    }
    cr_assert(site_stop(site, &stats));
    cr_expect_eq(stats.expected_requests, 7); /* the start page, another one, and these */
}

static bool refuses(void *url)
{
    size_t bytes;
    return fetch(url, &bytes) == 0;
}

Test(site, ends_with_its_owner)
{
    const struct site_spec spec = {.seed = 3, .pages = 1};
    int ends[2];
    char url[200] = "";
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct site *site = site_start(&spec);
        alarm(60);
        if (site == NULL || write(ends[1], site_url(site), strlen(site_url(site))) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    cr_assert_gt(read(ends[0], url, sizeof url - 1), 0);
    size_t bytes;
    cr_expect_eq(fetch(url, &bytes), 200);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_expect(timing_wait_until(refuses, url, 30.0), "nobody answers any more");
}
