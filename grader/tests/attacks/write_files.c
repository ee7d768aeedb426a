/* attack: idle tests open 0 - | writes where it should not */
static void attack(void)
{
    static const char *const paths[] = {
        "@CANARY@/written", "@CANARY@/secret",          "@KIT@/labs/lab01_counter/tests.c",
        "../bin/tests",     "/usr/bin/lockstep-attack", "/etc/ld.so.preload",
        "/written"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (open(paths[i], O_WRONLY | O_CREAT, 0666) >= 0)
            printf("ATTACK SUCCEEDED %s\n", paths[i]);
}
