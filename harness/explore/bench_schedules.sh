#!/bin/bash
# Prints schedules per second of CPU time for small programs. Usage: bench_schedules.sh GRADER [SECONDS [FILE.c...]]
here=$(cd "$(dirname "$0")" && pwd)
grader=$1 seconds=${2:-2}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- "$here"/tests/right/{locked_counter,buffer,peterson,philosophers_3}.c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file; do
    "$grader" explore --quiet --schedules 1 --keep "$work" "$file" >/dev/null
    printf '%-20s %s\n' "$(basename "$file" .c)" "$("$work/program" bench "$seconds" | sed 's/^text //')"
done
