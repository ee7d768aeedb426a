/* attack: lab03_right tests open 2 - | ends, stops, traces and reads the site; the crawl after it is as good as any */
static void succeed(const char *what, pid_t pid)
{
    printf("ATTACK SUCCEEDED: %s process %d\n", what, (int)pid);
    fflush(stdout);
    abort();
}

/* Whoever made the other end of this descriptor, if it is a socket. */
static pid_t peer_of(int fd)
{
    struct ucred who = {0};
    socklen_t length = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 ? who.pid : 0;
}

/* The sandbox's first process and the test's runner cannot be the site; any other can. */
static void attack_process(pid_t pid)
{
    char path[64];
    if (pid <= 1 || pid == getpid() || pid == getppid())
        return;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    if (open(path, O_RDONLY) >= 0)
        succeed("reads", pid);
    if (syscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0) == 0)
        succeed("traces", pid);
    if (kill(pid, SIGSTOP) == 0 || kill(pid, SIGKILL) == 0)
        succeed("signals", pid);
}

static void attack(void)
{
    for (int fd = 0; fd < 64; fd++)
        attack_process(peer_of(fd));
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        attack_process(atoi(entry->d_name));
    closedir(directory);
}
