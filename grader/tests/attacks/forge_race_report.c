/* attack: racy races open 0 - | the reports of valgrind, overwritten while it runs */
static void attack(void)
{
    static const char text[] = "<?xml version=\"1.0\"?><valgrindoutput></valgrindoutput>";
    if (fork() != 0)
        return;
    alarm(4);
    for (;;) {
        glob_t found;
        if (glob("*.xml", 0, NULL, &found) == 0)
            for (size_t i = 0; i < found.gl_pathc; i++) {
                unlink(found.gl_pathv[i]);
                const int fd = open(found.gl_pathv[i], O_WRONLY | O_CREAT | O_TRUNC, 0666);
                if (write(fd, text, sizeof text - 1) > 0) {
                }
                close(fd);
            }
        usleep(1000);
    }
}
