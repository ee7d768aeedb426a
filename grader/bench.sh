#!/bin/sh
# bench.sh GRADER: speed-ups of the reference solutions, then the same work as in the study notes beside the notes' own figures.
# Baseline and solution run one after the other in the same call; ratios are printed, nothing is judged. Called by `make bench`.
set -eu
grader=$1
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT

echo "graded measures, reference solutions:"
for lab in $("$grader" list | cut -d' ' -f1); do
    directory=$(echo labs/"$lab"_*)
    "$grader" grade "$lab" "solutions/${directory#labs/}" --only speedup --json - 2>/dev/null |
        sed -n "/\"name\": \"speedup\"/,\$s/^ *\"summary\": \"\(.*\)\",*\$/  $lab  \1/p"
done

# seconds PROGRAM ROLE MEASURE WORKERS: of one run.
seconds() {
    "$1" "$2" "$3" "$4" 1 | sed -n 's/^answer [0-9]*  \([0-9.]*\) s.*/\1/p'
}

echo "isolation, added to each program that is started:"
"$grader" doctor --starts 200 | sed 's/^/  /'

echo "the notes' own numbers:"
while read -r lab measure workers notes what; do
    directory=$(echo labs/"$lab"_*)
    [ -d "$kept/$lab" ] || "$grader" grade "$lab" "solutions/${directory#labs/}" --only build --keep "$kept/$lab" >/dev/null
    baseline=$(seconds "$kept/$lab/bin/baseline" baseline "$measure" "$workers")
    student=$(seconds "$kept/$lab/bin/bench" student "$measure" "$workers")
    echo "$lab $measure $baseline $student $workers $notes $what" |
        awk '{ printf "  %s %-8s %6.3f s -> %6.3f s with %2d workers: %.2fx (notes: %sx,", $1, $2, $3, $4, $5, $3 / $4, $6;
               for (i = 7; i <= NF; i++) printf " %s", $i; print ")" }'
done <<END
lab01 count 2 2.01 count to 2e9 on two pthreads
lab03 nine 9 8.1 9 pages, thread pool
lab03 hundred 30 7.6 100 pages, 30 threads
END
