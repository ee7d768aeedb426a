/* attack: idle tests open 0 more.than | processes that make processes */
static void attack(void)
{
    for (const time_t end = time(NULL) + 3; time(NULL) < end;) {
        alarm(5);
        fork();
    }
}
