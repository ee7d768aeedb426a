/* attack: idle tests open 0 - | receipts without the nonce, into every file and descriptor */
static void attack(void)
{
    static const char text[] = "end counts_on_one_thread\nend counts_on_one_thread 00000000000000000000000000000000\n";
    glob_t found;
    for (int fd = 3; fd < 64; fd++)
        if (write(fd, text, sizeof text - 1) > 0) {
        }
    if (glob("*", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const int fd = open(found.gl_pathv[i], O_WRONLY | O_APPEND);
            if (write(fd, text, sizeof text - 1) > 0) {
            }
        }
    syscall(SYS_exit_group, 0);
}
