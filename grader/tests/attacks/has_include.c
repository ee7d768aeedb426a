/* attack: idle build open 10 - | asks for what should not be there */
#if __has_include("../lab/tests.c") || __has_include("tests.c") || __has_include("@CANARY@/secret")
#error ATTACK SUCCEEDED
#endif
#if __has_include("@KIT@/solutions/lab01_counter/counter.c") || __has_include("@KIT@/labs/lab01_counter/tests.c")
#error ATTACK SUCCEEDED
#endif
#if __has_include("/etc/shadow") || __has_include("/root/.bashrc") || __has_include("/proc/self/root/@CANARY@/secret")
#error ATTACK SUCCEEDED
#endif
static void attack(void)
{
}
