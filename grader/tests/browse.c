/*
 * browse: opens a page in headless Chromium and does there what a person does. Speaks the DevTools protocol over a pair
 * of pipes (--remote-debugging-pipe: JSON messages, each ended by a NUL).
 *
 *     browse PROFILE-DIRECTORY URL <commands
 *
 * Commands, a line each:   eval EXPRESSION   prints what it comes to     click SELECTOR   a real click of the mouse
 *                          type TEXT         into what has the focus     key NAME         one key (Tab, Enter)
 *                          dark              prefers a dark page         print            prints like on paper
 *                          go URL            another page                errors           prints what went wrong so far
 *
 * Exit status 0, or 1 with a message if Chromium does not do as it is told. Ends after 120 s in any case.
 */
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static FILE *to, *from;
static pid_t browser;
static char *session;
static int errors, last_id;

static void die(const char *what)
{
    fprintf(stderr, "browse: %s\n", what);
    if (browser > 0)
        kill(browser, SIGKILL);
    exit(1);
}

static void on_alarm(int number)
{
    (void)number;
    if (browser > 0)
        kill(browser, SIGKILL);
    _exit(1);
}

/* In the child: descriptors 3 and 4 are Chromium's ends. */
static void become_browser(const char *profile, const int down[2], const int up[2])
{
    char *directory = NULL;
    if (asprintf(&directory, "--user-data-dir=%s", profile) < 0)
        _exit(127);
    const int in = dup(down[0]), out = dup(up[1]);
    if (dup2(in, 13) < 0 || dup2(out, 14) < 0 || dup2(13, 3) < 0 || dup2(14, 4) < 0)
        _exit(127);
    if (freopen("/dev/null", "w", stderr) == NULL)
        _exit(127);
    execlp("chromium", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe", directory, "about:blank",
           (char *)NULL);
    _exit(127);
}

static void start(const char *profile)
{
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0)
        die("no pipe");
    browser = fork();
    if (browser == 0)
        become_browser(profile, down, up);
    close(down[0]);
    close(up[1]);
    to = fdopen(down[1], "w");
    from = fdopen(up[0], "r");
}

static void note_event(const json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *parameters = json_object_get(message, "params");
    const char *level = json_string_value(json_object_get(json_object_get(parameters, "entry"), "level"));
    if (method == NULL)
        return;
    if (strcmp(method, "Runtime.exceptionThrown") != 0 && (level == NULL || strcmp(level, "error") != 0))
        return;
    errors++;
    char *text = json_dumps(parameters, JSON_COMPACT);
    fprintf(stderr, "browse: %s\n", text);
    free(text);
}

static json_t *read_message(void)
{
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', from) <= 0)
        die("Chromium has gone");
    json_t *message = json_loads(text, 0, NULL);
    free(text);
    return message;
}

/* Sends a command and waits for its answer; takes over `parameters`. Caller releases. */
static json_t *call(const char *method, json_t *parameters)
{
    json_t *message = json_pack("{s:i, s:s, s:o}", "id", ++last_id, "method", method, "params",
                                parameters != NULL ? parameters : json_object());
    if (session != NULL)
        json_object_set_new(message, "sessionId", json_string(session));
    char *text = json_dumps(message, JSON_COMPACT);
    fwrite(text, strlen(text) + 1, 1, to);
    fflush(to);
    free(text);
    json_decref(message);
    for (;;) {
        json_t *answer = read_message();
        if (json_integer_value(json_object_get(answer, "id")) == last_id) {
            json_t *result = json_incref(json_object_get(answer, "result"));
            json_decref(answer);
            return result;
        }
        note_event(answer);
        json_decref(answer);
    }
}

static void tell(const char *method, json_t *parameters)
{
    json_decref(call(method, parameters));
}

/* The value of a JavaScript expression. Caller releases. */
static json_t *evaluate(const char *expression)
{
    json_t *result = call("Runtime.evaluate", json_pack("{s:s, s:b}", "expression", expression, "returnByValue", 1));
    if (json_object_get(result, "exceptionDetails") != NULL) {
        char *text = json_dumps(json_object_get(result, "exceptionDetails"), JSON_COMPACT);
        die(text);
    }
    json_t *value = json_incref(json_object_get(json_object_get(result, "result"), "value"));
    json_decref(result);
    return value;
}

static void attach(void)
{
    json_t *targets = call("Target.getTargets", NULL), *target;
    size_t i;
    const char *id = NULL;
    json_array_foreach(json_object_get(targets, "targetInfos"), i, target)
    {
        if (strcmp(json_string_value(json_object_get(target, "type")), "page") == 0)
            id = json_string_value(json_object_get(target, "targetId"));
    }
    if (id == NULL)
        die("no page");
    json_t *attached = call("Target.attachToTarget", json_pack("{s:s, s:b}", "targetId", id, "flatten", 1));
    session = strdup(json_string_value(json_object_get(attached, "sessionId")));
    json_decref(attached);
    json_decref(targets);
    tell("Runtime.enable", NULL);
    tell("Log.enable", NULL);
    tell("Page.enable", NULL);
}

static void go(const char *url)
{
    tell("Page.navigate", json_pack("{s:s}", "url", url));
    for (int i = 0; i < 500; i++) {
        json_t *ready = evaluate("document.readyState === 'complete' && location.href !== 'about:blank'");
        const bool done = json_is_true(ready);
        json_decref(ready);
        if (done)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    die("the page does not load");
}

static void mouse(const char *type, double x, double y)
{
    tell("Input.dispatchMouseEvent",
         json_pack("{s:s, s:f, s:f, s:s, s:i}", "type", type, "x", x, "y", y, "button", "left", "clickCount", 1));
}

static void click(const char *selector)
{
    char *expression = NULL;
    if (asprintf(&expression,
                 "(() => { const e = document.querySelector(%s%s%s); e.scrollIntoView({block: 'center'}); const r = "
                 "e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()",
                 "`", selector, "`") < 0)
        die("no memory");
    json_t *place = evaluate(expression);
    const double x = json_number_value(json_array_get(place, 0)), y = json_number_value(json_array_get(place, 1));
    mouse("mousePressed", x, y);
    mouse("mouseReleased", x, y);
    json_decref(place);
    free(expression);
}

static void key(const char *name)
{
    const int code = strcmp(name, "Enter") == 0 ? 13 : 9;
    json_t *down =
        json_pack("{s:s, s:s, s:s, s:i}", "type", "keyDown", "key", name, "code", name, "windowsVirtualKeyCode", code);
    if (code == 13)
        json_object_set_new(down, "text", json_string("\r"));
    tell("Input.dispatchKeyEvent", down);
    tell("Input.dispatchKeyEvent",
         json_pack("{s:s, s:s, s:s, s:i}", "type", "keyUp", "key", name, "code", name, "windowsVirtualKeyCode", code));
}

static void print_value(const char *expression)
{
    json_t *value = evaluate(expression);
    if (json_is_string(value)) {
        puts(json_string_value(value));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        puts(text != NULL ? text : "undefined");
        free(text);
    }
    json_decref(value);
}

static void obey(const char *word, const char *rest)
{
    if (strcmp(word, "eval") == 0)
        print_value(rest);
    else if (strcmp(word, "click") == 0)
        click(rest);
    else if (strcmp(word, "type") == 0)
        tell("Input.insertText", json_pack("{s:s}", "text", rest));
    else if (strcmp(word, "key") == 0)
        key(rest);
    else if (strcmp(word, "go") == 0)
        go(rest);
    else if (strcmp(word, "dark") == 0)
        tell("Emulation.setEmulatedMedia",
             json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme", "value", "dark"));
    else if (strcmp(word, "print") == 0)
        tell("Emulation.setEmulatedMedia", json_pack("{s:s}", "media", "print"));
    else if (strcmp(word, "errors") == 0)
        printf("%d errors\n", errors);
    else
        die(word);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    if (argc != 3)
        return 2;
    signal(SIGALRM, on_alarm);
    signal(SIGPIPE, SIG_IGN);
    alarm(120);
    start(argv[1]);
    attach();
    go(argv[2]);
    while ((length = getline(&line, &size, stdin)) > 0) {
        line[length - 1] = line[length - 1] == '\n' ? '\0' : line[length - 1];
        char *rest = line, *word = strsep(&rest, " ");
        if (word[0] != '\0')
            obey(word, rest != NULL ? rest : "");
    }
    free(line);
    free(session);
    session = NULL;
    tell("Browser.close", NULL);
    waitpid(browser, NULL, 0);
    return 0;
}
