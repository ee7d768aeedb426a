#include "site_page.h"

#include <stdio.h>
#include <string.h>

#include "seed.h"

/* One body in the making. */
struct page {
    char *text;
    size_t length, size;
    uint64_t random;
};

static const char *const words[] = {"thread", "lock",  "queue", "signal", "wait",   "page", "worker", "link",
                                    "a",      "small", "the",   "of",     "serves", "many", "one",    "and"};

static void append(struct page *page, const char *text)
{
    size_t length = strlen(text);
    if (length > page->size - page->length)
        length = page->size - page->length;
    memcpy(page->text + page->length, text, length);
    page->length += length;
}

/* Words up to byte `end`; the last one is cut where it must be. */
static void fill(struct page *page, size_t end)
{
    char word[16];
    while (page->length < end) {
        const uint64_t choice = seed_next(&page->random);
        snprintf(word, sizeof word, "%s%s", words[choice % 16], choice % 13 == 0 ? "\n" : " ");
        if (page->length + strlen(word) > end)
            word[end - page->length] = '\0';
        append(page, word);
    }
}

/* The directory of a path, with both slashes: "/d3/" of "/d3/p12.html". */
static int directory_length(const char *path)
{
    return (int)(strrchr(path, '/') + 1 - path);
}

static void write_relative(const char *from, const char *to, char *text)
{
    const int directory = directory_length(from);
    if (directory == directory_length(to) && strncmp(from, to, (size_t)directory) == 0)
        snprintf(text, SITE_ADDRESS_BYTES, "%s", to[directory] != '\0' ? to + directory : "./");
    else if (directory == 1)
        snprintf(text, SITE_ADDRESS_BYTES, "./%s", to + 1);
    else
        snprintf(text, SITE_ADDRESS_BYTES, "..%s", to);
}

/* The address `to` as a page at `from` may write it: one of five ways. */
static void write_address(const char *from, const char *to, uint16_t port, uint64_t way, char *text)
{
    switch (way % 5) {
    case 0:
        snprintf(text, SITE_ADDRESS_BYTES, "%s", to);
        break;
    case 1:
        snprintf(text, SITE_ADDRESS_BYTES, "http://127.0.0.1:%u%s", (unsigned)port, to);
        break;
    case 2:
        snprintf(text, SITE_ADDRESS_BYTES, "//127.0.0.1:%u%s", (unsigned)port, to);
        break;
    default: /* the rest of % 5 */
        write_relative(from, to, text);
        break;
    }
}

static void append_link(struct page *page, const char *address)
{
    char text[2 * SITE_ADDRESS_BYTES];
    const uint64_t choice = seed_next(&page->random);
    const char *fragment = choice % 7 == 0 ? "#part2" : "";
    if (choice % 3 == 0)
        snprintf(text, sizeof text, "<a href=\"%s%s\">", address, fragment);
    else if (choice % 3 == 1)
        snprintf(text, sizeof text, "<a class=\"x\" href='%s%s'>", address, fragment);
    else
        snprintf(text, sizeof text, "<A HREF=\"%s%s\">", address, fragment);
    append(page, text);
    append(page, "link</a>\n");
}

static void append_links(struct page *page, const struct site_graph *graph, const struct site_node *node,
                         struct site_ports ports)
{
    const size_t links = (size_t)node->links_count + node->offsite, start = page->length;
    const size_t room = links > 0 ? (page->size - start - 20) / links : 0;
    char address[SITE_ADDRESS_BYTES];
    for (size_t i = 0; i < links; i++) {
        if (i < node->links_count)
            write_address(node->path, graph->nodes[node->links[i]].path, ports.own, seed_next(&page->random), address);
        else
            snprintf(address, sizeof address, "http://127.0.0.1:%u/away%zu.html", (unsigned)ports.other, i);
        append_link(page, address);
        fill(page, start + (i + 1) * room);
    }
}

/* A link that no page has, for the bodies that are not to be searched; "" for a page's. */
static const char *unlinked(enum site_kind kind)
{
    switch (kind) {
    case SITE_MISSING:
    case SITE_FAILING:
        return "<a href=\"/linked-by-an-error-only.html\">link</a>\n";
    case SITE_BROKEN:
        return "<a href=\"/linked-by-a-broken-page-only.html\">link</a>\n";
    case SITE_REDIRECT:
        return "<a href=\"/linked-by-a-redirects-body-only.html\">link</a>\n";
    default:
        return "";
    }
}

char *site_page_write(const struct site_graph *graph, uint32_t index, uint64_t seed, struct site_ports ports)
{
    const struct site_node *node = &graph->nodes[index];
    if (node->body_bytes == 0)
        return NULL;
    struct page page = {.size = node->body_bytes, .random = seed ^ ((uint64_t)index << 32)};
    page.text = site_alloc(page.size, 1);
    append(&page, "<!DOCTYPE html>\n<html><body>\n<p>");
    append_links(&page, graph, node, ports);
    append(&page, unlinked(node->kind));
    fill(&page, page.size - strlen("</p></body></html>\n"));
    append(&page, "</p></body></html>\n");
    return page.text;
}

void site_page_location(const struct site_graph *graph, uint32_t index, uint64_t seed, struct site_ports ports,
                        char text[SITE_ADDRESS_BYTES])
{
    const struct site_node *node = &graph->nodes[index];
    uint64_t random = seed ^ ((uint64_t)index << 32);
    if (node->target == SITE_NO_NODE)
        snprintf(text, SITE_ADDRESS_BYTES, "http://127.0.0.1:%u/away.html", (unsigned)ports.other);
    else
        write_address(node->path, graph->nodes[node->target].path, ports.own, seed_next(&random), text);
    if (index % 2 == 0)
        strcat(text, "#part2");
}
