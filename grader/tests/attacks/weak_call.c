/* attack: idle build gate 0 call-not-allowed | a function that is there only in one of the programs */
extern void run_report_nothing(void) __attribute__((weak));
static void attack(void)
{
    if (run_report_nothing != NULL)
        run_report_nothing();
}
