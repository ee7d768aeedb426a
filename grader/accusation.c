#include "accusation.h"

#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { REPORT_BYTES_MAX = 64 << 20 };

static struct accusation *append(struct accusations *into, enum accusation_kind kind, const char *tool)
{
    into->items = text_grow(into->items, into->count + 1, sizeof *into->items);
    struct accusation *item = &into->items[into->count++];
    *item = (struct accusation){.kind = kind, .tool = text_format("%s", tool)};
    return item;
}

static void release_item(struct accusation *item)
{
    free(item->tool);
    free(item->first.function);
    free(item->second.function);
    free(item->about);
}

/* Takes the last accusation back when it points at no line of the hand-in. */
static void keep_if_placed(struct accusations *into)
{
    struct accusation *item = &into->items[into->count - 1];
    if (item->first.line == 0 && item->second.line > 0) {
        const struct accusation_place swap = item->first;
        item->first = item->second;
        item->second = swap;
    }
    if (item->first.line == 0) {
        release_item(item);
        into->count--;
    }
}

void accusations_release(struct accusations *accusations)
{
    for (size_t i = 0; i < accusations->count; i++)
        release_item(&accusations->items[i]);
    free(accusations->items);
    free(accusations->crash.function);
    free(accusations->fatal);
    *accusations = (struct accusations){0};
}

/* Whether `object`, the path of what a frame's code was loaded from, is a library that is none of the student's
 * business: neither the program itself nor the C library, valgrind's or ThreadSanitizer's part of the process. */
static bool is_foreign(const char *object)
{
    static const char *const own[] = {"libc.so", "libc-", "libpthread", "libm.so", "libtsan"};
    const char *slash = strrchr(object, '/');
    const char *name = slash != NULL ? slash + 1 : object;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strncmp(name, own[i], strlen(own[i])) == 0)
            return false;
    return strncmp(name, "lib", 3) == 0 && strstr(name, ".so") != NULL;
}

/* --- valgrind's XML: docs/internals/xml-output-protocol4.txt of its source --- */

/* What a report is, told by its <kind> (NULL: any) and a piece of its text. */
static const struct {
    const char *tool, *kind, *text;
    enum accusation_kind meaning;
} meanings[] = {
    {"helgrind", "Race", "", ACCUSATION_RACE},
    {"helgrind", "UnlockUnlocked", "", ACCUSATION_UNLOCK},
    {"helgrind", "UnlockForeign", "", ACCUSATION_UNLOCK},
    {"helgrind", NULL, "Exiting thread still holds", ACCUSATION_EXIT},
    {"helgrind", NULL, "destroy of a locked", ACCUSATION_DESTROY},
    {"helgrind", NULL, "condition variable being waited upon", ACCUSATION_DESTROY},
    {"drd", "ConflictingAccess", "", ACCUSATION_RACE},
    {"drd", NULL, "Mutex not locked", ACCUSATION_UNLOCK},
    {"drd", NULL, "Destroying locked mutex", ACCUSATION_DESTROY},
    {"drd", NULL, "Destroying condition variable that is being waited upon", ACCUSATION_DESTROY},
};

static const xmlNode *child(const xmlNode *node, const char *name)
{
    for (const xmlNode *n = node->children; n != NULL; n = n->next)
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
            return n;
    return NULL;
}

/* The text of a child element; caller frees with free(). Never NULL. */
static char *child_text(const xmlNode *node, const char *name)
{
    const xmlNode *found = child(node, name);
    xmlChar *content = found != NULL ? xmlNodeGetContent(found) : NULL;
    char *text = text_format("%s", content != NULL ? (const char *)content : "");
    xmlFree(content);
    return text;
}

/* The report's main text, which stands in <what> or in <xwhat><text>. */
static char *what_text(const xmlNode *error)
{
    const xmlNode *extended = child(error, "xwhat");
    return extended != NULL ? child_text(extended, "text") : child_text(error, "what");
}

static void read_place(const xmlNode *stack, const char *handin, struct accusation_place *place)
{
    for (const xmlNode *frame = stack->children; frame != NULL && place->line == 0; frame = frame->next) {
        if (frame->type != XML_ELEMENT_NODE)
            continue;
        char *object = child_text(frame, "obj");
        const bool foreign = is_foreign(object);
        free(object);
        if (foreign)
            return;
        char *file = child_text(frame, "file");
        if (strcmp(file, handin) == 0) {
            char *line = child_text(frame, "line"), *function = child_text(frame, "fn");
            place->line = atoi(line);
            free(place->function);
            place->function = function;
            free(line);
        }
        free(file);
    }
}

/* The first stack is the access or call reported, the second of a race the other access. */
static void read_stacks(const xmlNode *error, const char *handin, struct accusation *item)
{
    int stacks = 0;
    bool conflict = false;
    for (const xmlNode *n = error->children; n != NULL; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        if (strcmp((const char *)n->name, "xauxwhat") == 0) {
            char *text = child_text(n, "text");
            conflict = strstr(text, "conflicts with a previous") != NULL;
            item->second.write = conflict && strstr(text, "previous write") != NULL;
            free(text);
        } else if (strcmp((const char *)n->name, "auxwhat") == 0) {
            xmlChar *text = xmlNodeGetContent(n);
            if (item->about == NULL && text != NULL && strstr((const char *)text, "inside") != NULL)
                item->about = text_format("%s", (const char *)text);
            xmlFree(text);
        } else if (strcmp((const char *)n->name, "stack") == 0) {
            if (stacks++ == 0)
                read_place(n, handin, &item->first);
            else if (item->kind != ACCUSATION_RACE)
                read_place(n, handin, &item->first);
            else if (conflict)
                read_place(n, handin, &item->second);
            conflict = false;
        }
    }
}

/* After a fork the tools believe that the child still holds the locks of its parent's other threads: of a forked
 * process only races are taken. */
static void read_error(struct accusations *into, const char *tool, const xmlNode *error, const char *handin,
                       bool forked)
{
    char *kind = child_text(error, "kind"), *what = what_text(error);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].tool, tool) != 0 || (meanings[i].kind != NULL && strcmp(meanings[i].kind, kind) != 0) ||
            strstr(what, meanings[i].text) == NULL || (forked && meanings[i].meaning != ACCUSATION_RACE))
            continue;
        struct accusation *item = append(into, meanings[i].meaning, tool);
        item->first.write = strstr(what, "during write") != NULL || strstr(what, "store") != NULL;
        read_stacks(error, handin, item);
        keep_if_placed(into);
        break;
    }
    free(kind);
    free(what);
}

/* Whether the file at `path`, TOOL.PID.xml, is about a process forked by one that has a file beside it. */
static bool is_forked(const xmlNode *root, const char *path)
{
    char *parent = child_text(root, "ppid"), *own = child_text(root, "pid");
    char *from = text_format(".%s.xml", own), *to = text_format(".%s.xml", parent);
    char *beside = text_replace(path, from, to);
    const bool forked = *parent != '\0' && strcmp(beside, path) != 0 && access(beside, F_OK) == 0;
    free(beside);
    free(to);
    free(from);
    free(own);
    free(parent);
    return forked;
}

/* The file lies where a hostile program could write: it may be a link to somewhere, a pipe, or no report at all. */
static int open_report(const char *path)
{
    struct stat status;
    const int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= REPORT_BYTES_MAX))
        return file;
    close(file);
    return -1;
}

bool accusations_read_valgrind(struct accusations *into, const char *tool, const char *path, const char *handin)
{
    enum { OPTIONS = XML_PARSE_RECOVER | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET | XML_PARSE_HUGE };
    const int file = open_report(path);
    xmlDoc *document = file >= 0 ? xmlReadFd(file, path, NULL, OPTIONS) : NULL;
    const xmlNode *root = document != NULL ? xmlDocGetRootElement(document) : NULL;
    const bool forked = root != NULL && is_forked(root, path);
    for (const xmlNode *n = root != NULL ? root->children : NULL; n != NULL; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        if (strcmp((const char *)n->name, "error") == 0)
            read_error(into, tool, n, handin, forked);
        else if (strcmp((const char *)n->name, "fatal_signal") == 0 && child(n, "stack") != NULL)
            read_place(child(n, "stack"), handin, &into->crash);
    }
    xmlFreeDoc(document);
    if (file >= 0)
        close(file);
    return root != NULL;
}

/* --- ThreadSanitizer's text --- */

static const char *next_line(const char *line)
{
    line = strchr(line, '\n');
    return line != NULL ? line + 1 : NULL;
}

/* `    #0 counter_add /tmp/.../handin/counter.c:12 (race_tsan+0x11df)`: the place if it is in the hand-in. Returns
 * false if the frame is in a foreign library: then the stack has no place. */
static bool read_tsan_frame(const char *line, const char *handin, struct accusation_place *place)
{
    char *frame = text_copy(line, strcspn(line, "\n"));
    char *module = strrchr(frame, '('), *hash = strchr(frame, '#');
    const char *name = hash != NULL ? hash + strcspn(hash, " ") : "";
    const bool foreign = module != NULL && is_foreign(module + 1);
    char *needle = text_format("/%s:", handin);
    const char *hit = strstr(name, needle);
    if (hit != NULL && place->line == 0) {
        name += *name == ' ';
        place->line = atoi(hit + strlen(needle));
        place->function = text_copy(name, strcspn(name, " "));
    }
    free(needle);
    free(frame);
    return !foreign;
}

/* Whether `line` is the innermost frame of an access and lies in ThreadSanitizer's own `function`. */
static bool is_tsan_call(const char *line, const char *function)
{
    const size_t length = strlen(function);
    return strncmp(line, "    #0 ", 7) == 0 && strncmp(line + 7, function, length) == 0 && line[7 + length] == ' ';
}

/* One report of a data race, from its WARNING line to the ==== that ends it.
 *
 * ThreadSanitizer lets pthread_barrier_wait read the barrier once more after it is over, ordered before nothing.
 * Whoever came back from the same round may destroy the barrier and use its memory for something else, which the C
 * library since 2.23 waits for (google/sanitizers issue 598): a race with that reading is none, but where it is with
 * the init. */
static void read_tsan_race(struct accusations *into, const char *line, const char *handin)
{
    struct accusation *item = append(into, ACCUSATION_RACE, "ThreadSanitizer");
    struct accusation_place *place = NULL;
    bool waits = false, inits = false;
    while ((line = next_line(line)) != NULL && strncmp(line, "=====", 5) != 0) {
        const size_t length = strcspn(line, "\n");
        if (strncmp(line, "  Write of", 10) == 0 || strncmp(line, "  Read of", 9) == 0) {
            place = &item->first;
            place->write = line[2] == 'W';
        } else if (strncmp(line, "  Previous", 10) == 0) {
            place = &item->second;
            place->write = memmem(line, length, "write", 5) != NULL;
        } else if (strncmp(line, "  Location is", 13) == 0) {
            item->about = text_copy(line + 2, length - 2);
            place = NULL;
        } else if (length == 0 || strncmp(line, "    #", 5) != 0) {
            place = NULL;
        } else if (place != NULL) {
            waits = waits || is_tsan_call(line, "pthread_barrier_wait");
            inits = inits || is_tsan_call(line, "pthread_barrier_init");
            if (!read_tsan_frame(line, handin, place))
                place = NULL;
        }
    }
    if (waits && !inits)
        item->first.line = item->second.line = 0;
    keep_if_placed(into);
}

/* The second: it takes 0.9 MB of each thread's stack, and starts none on a smaller block of the program's own. */
static bool tsan_gave_up(const char *line)
{
    static const char *const words[] = {"FATAL: ThreadSanitizer",
                                        "Sanitizer: pre-allocated stack size is insufficient"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(line, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

void accusations_read_tsan(struct accusations *into, const char *text, const char *handin)
{
    for (const char *line = text; line != NULL; line = next_line(line)) {
        if (strncmp(line, "WARNING: ThreadSanitizer: data race", 35) == 0)
            read_tsan_race(into, line, handin);
        else if (into->fatal == NULL && tsan_gave_up(line))
            into->fatal = text_copy(line, strcspn(line, "\n"));
    }
}
