/* attack: idle schedules,speedup gate 0 - | asks the compiler whether this is for explorer, bench or tests */
#if defined __OPTIMIZE__ || defined __SANITIZE_THREAD__ || defined __PIE__ || defined __PIC__ ||                       \
    defined __NO_INLINE__ || defined __SSP_STRONG__ || defined _FORTIFY_SOURCE
#error ATTACK SUCCEEDED
#endif
static void attack(void)
{
}
