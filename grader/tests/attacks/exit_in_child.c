/* attack: idle tests open 0 - | a child leaves the test by every door, and its parent goes on */
static void attack(void)
{
    for (int i = 0; i < 4; i++) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(5);
            if (i == 0)
                exit(0);
            if (i == 1)
                quick_exit(0);
            if (i == 2)
                abort();
            syscall(SYS_exit_group, 0);
        }
        waitpid(child, NULL, 0);
    }
}
