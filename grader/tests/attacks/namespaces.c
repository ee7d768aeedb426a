/* attack: idle tests open 0 - | rights in a namespace of its own, and mounts */
static void attack(void)
{
    if (unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0 || mount("none", "/tmp", "tmpfs", 0, "") == 0 ||
        setuid(0) == 0 || chroot("/tmp") == 0 || syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) > 0)
        puts("ATTACK SUCCEEDED");
}
