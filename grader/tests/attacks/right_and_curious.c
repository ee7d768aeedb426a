/* attack: right tests open 4 - | a right hand-in loses nothing by trying */
static void attack(void)
{
    if (open("@CANARY@/secret", O_RDONLY) >= 0 || ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0)
        puts("ATTACK SUCCEEDED");
}
