/* attack: idle tests open 0 - | an orphan that overwrites the report of the tests when they are over */
static void overwrite(void)
{
    static const char text[] = "{\"test_suites\":[{\"tests\":[{\"name\":\"counts_on_one_thread\",\"status\":\"PASSED\","
                               "\"assertions\":9}]}]}";
    glob_t found;
    if (glob("/proc/[0-9]*/fd/*", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const int fd = strstr(found.gl_pathv[i], "/proc/self") ? -1 : open(found.gl_pathv[i], O_WRONLY);
            if (fd > 0 && pwrite(fd, text, sizeof text, 0) > 0) {
            }
            close(fd);
        }
}
static void attack(void)
{
    if (fork() != 0)
        return;
    setsid();
    alarm(5);
    for (;;)
        overwrite();
}
