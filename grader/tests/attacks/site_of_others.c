/* attack: lab03_right tests open 2 - | sites of other hand-ins: every listening socket, of any family, there is to connect to */
static void attack(void)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6", "/proc/net/unix"};
    const int own = atoi(strrchr(start, ':') + 1);
    int listening = 0, found = 0;
    for (int i = 0; i < 3; i++) {
        char line[512];
        unsigned port, state;
        FILE *file = fopen(tables[i], "re");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            if (i == 2) /* Criterion's are files below /tmp */
                listening += strchr(line, '@') != NULL;
            else if (sscanf(line, " %*[^:]: %*[^:]:%x %*s %x", &port, &state) == 2 && state == 10) {
                listening++;
                found += (int)port == own;
            }
        }
        if (file != NULL)
            fclose(file);
    }
    if (found == 1 && listening == 2) /* the test's site, and the one its off-site links lead to */
        return;
    printf("ATTACK SUCCEEDED: %d listen, %d of them the site\n", listening, found);
    fflush(stdout);
    abort();
}
