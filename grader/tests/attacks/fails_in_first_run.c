/* attack: reference tests,schedules open - 13.of.13.tests.pass,.1.of.them.in.some.runs.only | crashes one test in its first run and in no other, where the explorer finds a race: that must cost no points, and no more than the race */
static void attack(void)
{
    static int made; /* guarded by nothing: two threads that make a counter at once race */
    int first_run;
    if (++made == 100 && (first_run = open("counters_are_separate.0.receipt", O_RDONLY)) >= 0) {
        close(first_run);
        abort();
    }
}
