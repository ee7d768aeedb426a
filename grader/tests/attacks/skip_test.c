/* attack: idle build open 0 call-not-allowed | the test is skipped */
#include <criterion/criterion.h>
static void attack(void)
{
    cr_skip_test("not today");
}
