/* expect: crash | without a handler the alarm ends the program */
#include <signal.h>
#include <unistd.h>

int main(void)
{
    alarm(1);
    pause();
    return 0;
}
