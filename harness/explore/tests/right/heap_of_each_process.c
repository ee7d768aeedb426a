/* expect: right | what processes allocate after a fork is theirs alone, also when one of them forks again */
#include <assert.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int *number(int value)
{
    int *made = malloc(sizeof *made);
    *made = value;
    return made;
}
static void check(int *early, int *late, int value)
{
    assert(*early == 1);
    *early = value;
    assert(*late == value);
    free(early);
    free(late);
    _exit(0);
}
int main(void)
{
    int *early = number(1);
    const pid_t first = fork();
    if (first == 0)
        check(early, number(2), 2);
    int *late = number(3);
    const pid_t second = fork();
    if (second == 0)
        check(early, late, 3);
    *late = 4;
    int *last = number(5);
    const pid_t third = fork();
    if (third == 0) {
        assert(*last == 5);
        check(early, late, 4);
    }
    assert(waitpid(first, NULL, 0) == first && waitpid(second, NULL, 0) == second);
    assert(waitpid(third, NULL, 0) == third);
    assert(*early == 1 && *late == 4 && *last == 5);
    free(early);
    free(late);
    free(last);
    return 0;
}
