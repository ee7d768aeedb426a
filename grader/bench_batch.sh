#!/bin/bash
# bench_batch.sh GRADER: what a batch gains over the loop an instructor would write, what the grader itself costs, and how
# large its process grows with the class. Printed, nothing is judged. Called by `make bench-batch`.
#
#   LAB=lab01 COUNT=60    how many hand-ins of that lab, right and wrong mixed; no two are the same
#   BOUND=seconds         stops the loop after that long and compares what both did of the hand-ins it got through
set -u
grader=$PWD/$1
LAB=${LAB:-lab01}
COUNT=${COUNT:-60}
BOUND=${BOUND:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
directory=$(echo labs/"$LAB"_*)
name=${directory#labs/}
file=${name#*_}.c
build=$(dirname "$grader")
limit() { sed -n "s/.*$1: *\([0-9]*\).*/\1/p" "$directory/lab.yaml" | head -n 1 | grep . || echo "$2"; }
test_seconds=$(limit test_seconds 10) race_seconds=$(limit race_seconds 60) bench_seconds=$(limit bench_seconds 20)
memory_mb=$(limit memory_mb 2048)

# ---- the hand-ins: right, wrong, right, ... ----

mapfile -t right < <(printf '%s\n' "solutions/$name/$file" grader/tests/specimens/"$name"/right/*.c)
mapfile -t wrong < <(printf '%s\n' grader/tests/specimens/"$name"/wrong/*.c)
mkdir "$work/class"
for n in $(seq 0 $((COUNT - 1))); do
    if [ $((n % 2)) -eq 0 ]; then from=${right[n / 2 % ${#right[@]}]}; else from=${wrong[n / 2 % ${#wrong[@]}]}; fi
    mkdir "$work/class/student$(printf '%03d' "$n")"
    { cat "$from" && echo "/* $n */"; } >"$work/class/student$(printf '%03d' "$n")/$file"
done

# ---- the loop ----

# naive FILE DIRECTORY: build, Criterion, helgrind, drd, bench, one after another.
naive() {
    local in=$1 to=$2 flags="-std=gnu17 -g -pthread -I$directory -Iharness" measure
    mkdir -p "$to"
    # shellcheck disable=SC2086
    {
        gcc $flags -c "$in" -o "$to/handin.o" &&
            gcc $flags -O2 -c "$in" -o "$to/fast.o" &&
            gcc $flags "$directory/tests.c" "$to/handin.o" "$build/harness/test.o" -Wl,--wrap=exit,--wrap=_exit,--wrap=quick_exit,--wrap=_Exit \
                "$build/harness/libharness.a" -lcriterion $libraries -lm -o "$to/tests" &&
            gcc $flags "$directory/race.c" "$to/handin.o" "$build/harness/libharness.a" $libraries -lm -o "$to/race" &&
            gcc $flags -O2 -DBENCH_STUDENT=0 "$directory/bench.c" "$build/harness/bench.o" "$build/harness/libharness.a" $libraries -lm -o "$to/baseline" &&
            gcc $flags -O2 -DBENCH_STUDENT=1 "$directory/bench.c" "$to/fast.o" "$build/harness/bench.o" "$build/harness/libharness.a" $libraries -lm -o "$to/bench"
    } >/dev/null 2>&1 || return
    (
        ulimit -d $((memory_mb * 1024))
        LOCKSTEP_HELPERS=$build/harness timeout $((tests * test_seconds)) "$to/tests" -j1 --timeout "$test_seconds"
        timeout "$race_seconds" valgrind --tool=helgrind "$to/race"
        timeout "$race_seconds" valgrind --tool=drd "$to/race"
        for measure in $measures; do
            for _ in 1 2 3 4 5; do
                timeout "$bench_seconds" "$to/baseline" baseline "$measure" "$(nproc)" 1
                timeout "$bench_seconds" "$to/bench" student "$measure" "$(nproc)" 1
            done
        done
    ) >/dev/null 2>&1 </dev/null
    rm -rf "$to"
}
tests=$(grep -c '^LAB_TEST' "$directory/tests.c") # a test that hangs in a child of its own hangs Criterion, too
measures=$(sed -n '/^speedup:/,$s/^ *- name: *//p' "$directory/lab.yaml")
libraries=$(sed -n 's/^libraries: *\[\(.*\)\].*/\1/p' "$directory/lab.yaml" | tr ',' ' ' | xargs -r pkg-config --libs)
now() { date +%s.%N; }
since() { echo "$1 $(now)" | awk '{ printf "%.1f", $2 - $1 }'; }

start=$(now)
done_naive=0
for student in "$work"/class/*; do
    naive "$student/$file" "$work/naive"
    done_naive=$((done_naive + 1))
    [ "$(since "$start" | cut -d. -f1)" -lt "$BOUND" ] || break
done
naive_seconds=$(since "$start")
echo "loop:  $done_naive hand-ins in $naive_seconds s, one after another"

# ---- the batch, on the same hand-ins ----

mkdir "$work/same"
find "$work/class" -mindepth 1 -maxdepth 1 | sort | head -n "$done_naive" | xargs -I{} cp -r {} "$work/same/"

start=$(now)
"$grader" batch "$LAB" --submissions "$work/same" --gradebook "$work/c.sqlite" --unsafe-no-sandbox >"$work/out" 2>&1
batch_seconds=$(since "$start")
said=$(tail -n 40 "$work/out" | grep ' graded, ')
echo "batch: $done_naive hand-ins in $batch_seconds s on $(nproc) cores: $said"
echo "$naive_seconds $batch_seconds" | awk '{ printf "batch is %.2f times as fast as the loop\n", $1 / $2 }'

# ---- memory: jobs that are stubs ----

export LOCKSTEP_BATCH_JOB=$PWD/grader/tests/batch_stub.sh
for n in 10 100 1000; do
    mkdir "$work/$n"
    for i in $(seq "$n"); do
        echo "int stub_$i;" >"$work/$n/student$i.c"
    done
    "$grader" batch "$LAB" --submissions "$work/$n" --gradebook "$work/$n.sqlite" --unsafe-no-sandbox 2>&1 | grep ' graded, ' |
        sed "s/.* graded, .* in \(.*\) s; .*; \([0-9]*\) KiB/$n stubbed hand-ins: \1 s, \2 KiB at most in the parent/"
done
mkdir "$work/many"
for i in $(seq 10000); do
    echo "int same;" >"$work/many/s${i}_${i}_$((i + 20000))_$file"
done
start=$(now)
"$grader" batch "$LAB" --submissions "$work/many" --gradebook "$work/many.sqlite" --unsafe-no-sandbox >"$work/out" 2>&1
echo "10000 rows of intake: $(since "$start") s, $(sed -n 's/.* graded, .*; \([0-9]*\) KiB/\1/p' "$work/out") KiB at most in the parent"
