#!/bin/bash
# verdicts.sh: grades skeletons, reference solutions (RUNS times each) and specimens, and compares each verdict with what is
# promised: a skeleton builds without a warning and earns under 40 %, a reference earns everything, a specimen what its first
# comment says. Several are graded at once; measurements take turns (quiet.h).
# usage: verdicts.sh [LAB...]      RUNS=5 JOBS=6 SPECIMENS=all
# SPECIMENS=short takes of each lab 2 right ones, 3 wrong ones that the tests find first, 2 that the explorer does, and one for
# each of build, races and speedup, spread over the alphabet.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
RUNS=${RUNS:-5}
JOBS=${JOBS:-$((2 * $(nproc) + 2))}
SPECIMENS=${SPECIMENS:-all}

# judge LAB FILE NAME EXPECTATION: one row; run by xargs. Only the stages that are needed for it are run.
judge() {
    local lab=$1 file=$2 name=$3 expected=$4 only= report start code seconds said
    case "; $expected" in
    *'; right'* | *'; speedup '*) ;;
    *'; races '*) only='--only build,tests,races' ;;
    *'; schedules '*) only='--only build,tests,schedules' ;;
    *'; tests '*) only='--only build,tests' ;;
    *) only='--only build' ;;
    esac
    report=$(mktemp "$scratch/report-XXXXXX")
    start=$(date +%s%N)
    # shellcheck disable=SC2086
    timeout 300 "$grader" grade "$lab" "$file" $only --json "$report" >"$report.text" 2>&1
    code=$?
    seconds=$((($(date +%s%N) - start) / 100000000))
    if said=$("$BUILD/tests/expect" "$report" "$expected") && [ $code -eq 0 ]; then
        printf 'ok    %s (%s, %d.%d s)\n' "$name" "${said%%:*}" $((seconds / 10)) $((seconds % 10))
    else
        printf 'FAIL  %s: expected %s, exit 0; got %s, exit %d\n' "$name" "$expected" "$said" "$code"
        sed 's/^/      /' "$report.text" | head -40
    fi
}
export -f judge
export scratch grader BUILD

# expectation FILE: what the first comment of a specimen promises (see expect.c).
expectation() {
    head -n 1 "$1" | sed -n 's,^/\* expect: \([^|]*[^| ]\) *|.*,\1,p'
}

# chosen FILES...: those of the files that are to be graded, a line each.
chosen() {
    for file in "$@"; do
        expected=$(expectation "$file")
        printf '%s\t%s\n' "${expected%%[ ;]*}" "$file"
    done | if [ "$SPECIMENS" = all ]; then cut -f2; else
        awk -F'\t' '{ stage[NR] = $1; file[NR] = $2; count[$1]++ }
            END {
                most["right"] = 2; most["tests"] = 3; most["schedules"] = 2; most["build"] = most["races"] = most["speedup"] = 1;
                for (i = 1; i <= NR; i++) {
                    s = stage[i]; n = count[s]; m = most[s] < n ? most[s] : n; k = seen[s]++;
                    if (int(k * m / n) != int((k - 1) * m / n) || k == 0) print file[i];
                }
            }'
    fi
}

# rows LAB: a line `lab file name expectation` for each verdict of a lab, tab-separated.
rows() {
    local directory name stem run file first expected kind
    directory=$(echo labs/"$1"_*)
    name=${directory#labs/}
    stem=${name#*_}
    for run in $(seq "$RUNS"); do
        printf '%s\t%s\t%s\t%s\n' "$1" "solutions/$name/$stem.c" "$1 reference, run $run" right
    done
    chosen grader/tests/specimens/"$name"/right/*.c grader/tests/specimens/"$name"/wrong/*.c | while read -r file; do
        expected=$(expectation "$file")
        kind=$(basename "$(dirname "$file")")
        printf '%s\t%s\t%s\t%s\n' "$1" "$file" "$1 $kind $(basename "$file" .c)" "$expected"
    done
}

# skeleton LAB: no warning, not hung, under 40 %, and the kept copy is the same file.
skeleton() {
    directory=$(echo labs/"$1"_*)
    stem=${directory#*_}
    report=$scratch/skeleton.json
    if ! cmp -s "$directory/$stem.c" "$directory/skeleton.c"; then
        fail "$1 skeleton is the file given out" "$directory/$stem.c and skeleton.c differ"
        return
    fi
    check "$1 skeleton compiles without a warning" gcc -std=gnu17 -Wall -Wextra -Wshadow -Werror -I"$directory" -Iharness \
        -c "$directory/$stem.c" -o "$scratch/skeleton.o"
    "$grader" grade "$1" "$directory/skeleton.c" --json "$report" >"$scratch/skeleton.text" 2>&1
    if grep -q TIMED_OUT "$report"; then
        fail "$1 skeleton does not hang" "$(head -n 20 "$scratch/skeleton.text")"
    else
        pass "$1 skeleton does not hang"
    fi
    score=$(sed -n 's/^  "score": \([0-9]*\),$/\1/p' "$report")
    if [ "${score:-100}" -lt 40 ] && [ "$(wc -l <"$scratch/skeleton.text")" -le 20 ]; then
        pass "$1 skeleton earns $score of 100, said in a short report"
    else
        fail "$1 skeleton earns under 40 of 100, said in at most 20 lines" "$(cat "$scratch/skeleton.text")"
    fi
}

# readme LAB: the table of its README gives the points of its manifest.
readme() {
    directory=$(echo labs/"$1"_*)
    sed -n 's/^points: {\(.*\)}$/\1/p' "$directory/lab.yaml" | tr -d ' ' | tr ',:' '\n ' | sort >"$scratch/points"
    sed -n 's/^| \([a-z]*\) | \([0-9]*\) |.*/\1 \2/p' "$directory/README.md" | sort >"$scratch/told"
    check "$1 README tells the points of each stage" diff "$scratch/points" "$scratch/told"
}

labs=${*:-$("$grader" list | cut -d' ' -f1)}
for lab in $labs; do
    readme "$lab"
    skeleton "$lab"
done
# judge_rows JOBS: grades the rows on stdin, JOBS at a time.
judge_rows() {
    xargs -P "$1" -d '\n' -I{} bash -c 'IFS=$'"'\\t'"' read -r a b c d <<<"$1"; judge "$a" "$b" "$c" "$d"' _ {} 2>&1
}

# Those that judge runs with a measurement first: it needs the machine to itself, and would wait for wrong hand-ins whose
# tests hang.
for lab in $labs; do
    rows "$lab"
done | awk -F'\t' '{ print (("; " $4) ~ /; (right|speedup )/ ? 0 : 1) "\t" $0 }' | sort -s -n -k 1,1 | cut -f 2- >"$scratch/all"
judge_rows "$JOBS" <"$scratch/all" | tee "$scratch/rows"
passed=$((passed + $(grep -c '^ok    ' "$scratch/rows")))
failed=$((failed + $(grep -c '^FAIL  ' "$scratch/rows")))
for lab in $labs; do
    for kind in wrong:6 right:4; do
        count=$(find grader/tests/specimens/"$lab"_*/"${kind%:*}" -name '*.c' 2>/dev/null | wc -l)
        check "$lab has $count ${kind%:*} specimens, at least ${kind#*:}" test "$count" -ge "${kind#*:}"
    done
done
finish
