/* attack: idle tests open 0 - | the memory of the runner of the tests, through /proc and by system calls */
static void attack(void)
{
    char path[64], byte = 0;
    snprintf(path, sizeof path, "/proc/%d/mem", getppid());
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
    if (open(path, O_RDWR) >= 0 || ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0 ||
        process_vm_readv(getppid(), &here, 1, &there, 1, 0) >= 0 || errno != EPERM)
        fprintf(stderr, "ATTACK SUCCEEDED\n"), puts("ATTACK SUCCEEDED");
}
