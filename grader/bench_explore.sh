#!/bin/bash
# For `make bench-explore`: schedules the explorer runs in a second of CPU time, and how soon it finds what is wrong with
# each wrong specimen, beside the seconds helgrind takes for the lab's race driver.
# Usage: bench_explore.sh GRADER [SECONDS]      LABS="lab01 ..." takes only the specimens of these labs; LABS= takes none
cd "$(dirname "$0")/.." || exit 3
grader=$1 seconds=${2:-2} runs=3
LABS=${LABS-$("$grader" list | cut -d' ' -f1)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# rate NAME PROGRAM [ARGUMENT]
rate() {
    printf '%-44s %s\n' "$1" "$("$2" bench "$seconds" "${@:3}" | sed 's/^text //')"
}

echo "schedules in a second of CPU time"
for name in locked_counter buffer peterson philosophers_3; do
    rm -rf "$work/keep"
    "$grader" explore --quiet --schedules 1 --keep "$work/keep" "harness/explore/tests/right/$name.c" >/dev/null
    rate "$name" "$work/keep/program"
done
for lab in $("$grader" list | cut -d' ' -f1); do
    rm -rf "$work/keep"
    solution=$(echo solutions/"$lab"_*/)
    scenario=$(sed -n '/^schedules:/,/^[a-z]*:/s/^  - name: //p' labs/"$lab"_*/lab.yaml | head -1)
    "$grader" explore --quiet --lab "$lab" --scenario "$scenario" --schedules 1 --keep "$work/keep" "$solution" >/dev/null
    rate "$lab $scenario" "$work/keep/bin/schedules/program" "$scenario"
done

median() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# first_failure LAB FILE: lines `SCHEDULES SECONDS`, of the scenario that fails first, for several seeds.
first_failure() {
    for seed in $(seq $runs); do
        "$grader" explore --quiet --lab "$1" --seed "$seed" --json - "$2" 2>/dev/null |
            awk -F'[:,]' '/"outcome"/ { found = /"found"/ } /"schedules"/ { n = $2 } /"seconds"/ && found && (best == "" || n < best) { best = n; s = $2 }
                END { if (best != "") print best + 0, s + 0 }'
    done
}

[ -z "$LABS" ] && exit
echo
echo "wrong specimens: schedules and seconds to the first failure (median of $runs seeds), seconds of helgrind"
for lab in $LABS; do
    for file in grader/tests/specimens/"$lab"_*/wrong/*.c; do
        first_failure "$lab" "$file" >"$work/found"
        if [ "$(wc -l <"$work/found")" -lt $runs ]; then
            printf '%-44s not a matter of schedules (%d of %d seeds)\n' "$lab $(basename "$file" .c)" "$(wc -l <"$work/found")" $runs
            continue
        fi
        rm -rf "$work/keep"
        "$grader" grade "$lab" "$file" --only build --keep "$work/keep" >/dev/null
        begin=$(date +%s%N)
        (cd "$work/keep/run" && LOCKSTEP_HELPERS=$OLDPWD/build/harness timeout 60 valgrind -q --tool=helgrind --fair-sched=try ../bin/race) >/dev/null 2>&1
        took=$((($(date +%s%N) - begin) / 10000000))
        printf '%-44s %7d schedules %6.2f s   helgrind %d.%02d s\n' "$lab $(basename "$file" .c)" \
            "$(cut -d' ' -f1 "$work/found" | median)" "$(cut -d' ' -f2 "$work/found" | median)" $((took / 100)) $((took % 100))
    done
done
