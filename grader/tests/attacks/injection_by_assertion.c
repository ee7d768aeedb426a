/* attack: idle tests open 0 crashed | the same in a failed assertion and in a thread's name */
#include <assert.h>
#include <sys/prctl.h>
static void attack(void)
{
    prctl(PR_SET_NAME, "\033[31m\n::error::");
    assert(!"%n%s \033[2J \n::set-output name=score::100");
}
