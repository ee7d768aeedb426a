/* attack: idle tests open 0 - | its limits, raised */
#include <sys/resource.h>
static void attack(void)
{
    static const int kinds[] = {RLIMIT_NPROC, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NICE, RLIMIT_RTPRIO};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct rlimit limit;
        getrlimit(kinds[i], &limit);
        if (limit.rlim_max == RLIM_INFINITY)
            continue;
        limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
        if (setrlimit(kinds[i], &limit) == 0)
            puts("ATTACK SUCCEEDED");
    }
}
