/* attack: idle tests open 0 - | parts of the kernel that are often attacked */
static void attack(void)
{
    static const long calls[] = {SYS_bpf,    SYS_perf_event_open, SYS_io_uring_setup, SYS_userfaultfd,
                                 SYS_keyctl, SYS_add_key,         SYS_kexec_load,     SYS_init_module,
                                 SYS_swapon, SYS_reboot,          SYS_setns};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (syscall(calls[i], 0, 0, 0, 0, 0) >= 0 || errno != EPERM)
            printf("ATTACK SUCCEEDED %ld\n", calls[i]);
    if (open("/proc/sys/kernel/core_pattern", O_WRONLY) >= 0 || open("/proc/sysrq-trigger", O_WRONLY) >= 0)
        puts("ATTACK SUCCEEDED");
}
