#!/bin/bash
# Checks that the explorer tells which lines of a program accessed memory in any schedule, and no others.
# Usage: coverage.sh GRADER [--cc clang]. Prints what differs; exit status 0: nothing.
grader=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/program.c" <<'END'
#include <pthread.h>
#include <stdatomic.h>
static atomic_int first;
static int never, seldom, always[2];
static void *work(void *a)
{
    if (atomic_fetch_add(&first, 1) == 0) /* 7: always */
        return a;
    always[0] = 1; /* 9: always, by the second */
    if (a != NULL)
        seldom = 1; /* 11: only if this one is the second */
    return a;
}
static void unused(void)
{
    never = 2; /* 16 */
}
int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, work, NULL);
    pthread_create(&other, NULL, work, &seldom);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    if (always[0] == 2) /* 25: always */
        never = 1; /* 26 */
    if (always[0] == 3)
        unused();
    return 0;
}
END
"$grader" explore "$@" --quiet --keep "$work" "$work/program.c" >"$work/said" || cat "$work/said"
lines=$(sed -n 's/^covered //p' "$work/results" | tr ' ' '\n' | while read -r pc; do
    printf '%x\n' $((0x$pc - 1))
done | addr2line -e "$work/program" | sed -n 's/.*program\.c:\([0-9]*\).*/\1/p' | sort -nu | tr '\n' ' ')
status=0
for line in 7 9 11 25 27; do
    [[ " $lines" == *" $line "* ]] || { echo "coverage: line $line was executed, but is not told" && status=1; }
done
for line in 16 26; do
    [[ " $lines" != *" $line "* ]] || { echo "coverage: line $line was never executed, but is told" && status=1; }
done
exit $status
