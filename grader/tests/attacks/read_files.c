/* attack: idle tests open 0 - | secrets, other hand-ins, the tests, the solution, the home */
static void show(const char *path)
{
    char text[4096];
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n > 0) {
        text[n] = 0;
        printf("ATTACK SUCCEEDED %s: %s\n", path, text);
    }
}
static void attack(void)
{
    show("@CANARY@/secret");
    show("@KIT@/solutions/lab01_counter/counter.c");
    show("@KIT@/labs/lab01_counter/tests.c");
    show("../lab/tests.c");
    show("../handin/counter.c");
    show("@CANARY@/counter.c");
    show("@CANARY@/class.sqlite");
    show("/etc/shadow");
    show("/etc/passwd");
    show("/proc/1/environ");
    show("/proc/1/root/@CANARY@/secret");
    show("/proc/self/root/@CANARY@/secret");
    show("/proc/1/cwd/secret");
}
