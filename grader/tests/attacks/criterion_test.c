/* attack: idle build gate 0 section-not-allowed | a test of its own in the section where Criterion looks */
static const char *forged[8] = {"counts_on_one_thread", "lab"};
__attribute__((used, section("cr_tst"))) static const char **const entry = forged;
static void attack(void)
{
}
