/* attack: idle tests open 0 - | empty files, as many as there may be */
static void attack(void)
{
    static const char *const directories[] = {".", "/tmp", "/dev/shm"};
    char path[200];
    for (int i = 0; i < 60000; i++) {
        snprintf(path, sizeof path, "%s/%d", directories[i % 3], i);
        close(open(path, O_WRONLY | O_CREAT, 0600));
    }
}
