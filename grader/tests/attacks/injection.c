/* attack: idle tests open 0 - | words for terminals, CI and printf in what is shown */
static void attack(void)
{
    puts("\033[2J\033[31m%n%s ::set-output name=score::100");
    puts("\r  score     100/100");
    fflush(stdout);
}
