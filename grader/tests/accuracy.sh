#!/bin/bash
# accuracy.sh: the measuring instrument of the verdicts, for `make accuracy`: grades every specimen K times and says, lab by
# lab, how many wrong ones lost points, how many right ones kept all of them, how many were failed for the reason that their
# first line promises, and of how many the verdict (the stages that lose points) or only the score changed between runs. Beside
# it the same for helgrind, drd and ThreadSanitizer alone (an error about the lab's race driver is a wrong one caught, or a
# right one accused) and for the Criterion tests
# alone. usage: accuracy.sh [LAB...]      K=3 JOBS=cores TOOLS=1 (0: without the three tools) OUT=file (writes the table there)
# BUSY=1 keeps each core busy with an endless loop all the time.
# RECORDS=folder keeps what was measured, and the reports that were not as promised: the same words again go on where it
# was broken off, a larger K adds runs. It knows nothing of changes to grader, labs or specimens: after one, begin a new
# folder.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
K=${K:-3}
JOBS=${JOBS:-$(nproc)}
TOOLS=${TOOLS:-1}
BUSY=${BUSY:-0}
labs=${*:-$("$grader" list | cut -d' ' -f1)}
RECORDS=${RECORDS:-$scratch/records}
records=$RECORDS/records
mkdir "$scratch/runs" "$scratch/tools"
mkdir -p "$RECORDS" && touch "$records" || exit 2

# expectation FILE: as in verdicts.sh, see expect.c.
expectation() {
    head -n 1 "$1" | sed -n 's,^/\* expect: \([^|]*[^| ]\) *|.*,\1,p'
}

# stages REPORT: the stages that lost points, and whether a stage could not be measured or was a fault of ours.
stages() {
    awk -F'[:,]' '/^      "name"/ { name = $2 } /^      "status"/ { status = $2 } /^      "score"/ { score = $2 }
        /^      "max_score"/ { if (score + 0 < $2 + 0) printf "%s", name; if (status ~ /GRADER_ERROR/) printf " ERROR" }' "$1" | tr -d '"'
}

# items REPORT: the tests, scenarios, measures and sorts of findings that cost points.
items() {
    awk -F'"' '/^          "kind"/ { kind = $4 } /^          "message"/ { split($4, part, ":"); name = part[1] ~ / / ? kind : part[1] }
        /^          "cost"/ { split($0, part, ": "); if (part[2] + 0 > 0) printf "%s ", name }' "$1"
}

# grade LAB KIND FILE RUN: one record: lab kind name run score max reason stages items, tab-separated.
grade() {
    local name report met=no
    name=$(basename "$3" .c)
    report=$(mktemp "$scratch/runs/XXXXXX")
    timeout 600 "$grader" grade "$1" "$3" --json "$report" >/dev/null 2>&1
    case $? in 130 | 143) return ;; esac # broken off: says nothing
    [ -d "$scratch" ] || return
    "$BUILD/tests/expect" "$report" "$(expectation "$3")" >"$report.said" 2>/dev/null && met=yes
    printf 'verdict\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$name" "$4" \
        "$(sed -n 's/^  "score": \([0-9]*\),$/\1/p' "$report")" "$(sed -n 's/^  "max_score": \([0-9]*\),$/\1/p' "$report")" "$met" "$(stages "$report")" \
        "$(items "$report")"
    [ $met = yes ] || cp "$report" "$RECORDS/$1.$name.$4.json"
    rm -f "$report" "$report.said"
}

# to_do: of the list on stdin, what is not recorded yet.
to_do() {
    awk -F'\t' -v OFS='\t' '
        function name(path) { sub(/.*\//, "", path); sub(/\.c$/, "", path); return path }
        FILENAME != "-" { if ($1 == "verdict") done["grade", $2, $3, $4, $5]; if ($1 == "tool" && $2 == "ThreadSanitizer") done["ask", $3, $4, $6, 0]; next }
        !(($1, $2, $3, name($4), $5) in done)' "$records" -
}

# ask LAB KIND FILE: a record for each of the three tools alone: whether it has an error to tell of the lab's race driver.
ask() {
    local name keep tool
    name=$(basename "$3" .c)
    keep=$(mktemp -u "$scratch/tools/XXXXXX")
    "$grader" grade "$1" "$3" --only build --keep "$keep" --no-sandbox >/dev/null 2>&1
    export LOCKSTEP_HELPERS=$PWD/$BUILD/harness
    for tool in helgrind drd ThreadSanitizer; do
        case $tool in
        helgrind) set -- valgrind -q --tool=helgrind --fair-sched=try --error-exitcode=66 ../bin/race ;;
        drd) set -- valgrind -q --tool=drd --fair-sched=try --error-exitcode=66 ../bin/race ;;
        ThreadSanitizer) set -- env TSAN_OPTIONS=exitcode=66 setarch -R ../bin/race_tsan ;;
        esac
        (cd "$keep/run" 2>/dev/null && timeout -k 1 60 "$@") >/dev/null 2>&1
        printf 'tool\t%s\t%s\t%s\t%s\t%s\n' "$tool" "$lab" "$kind" "$([ $? = 66 ] && echo accused || echo silent)" "$name"
    done
    rm -rf "$keep"
}

# work LINE: one row of the list, `what lab kind file run`.
work() {
    local what lab kind file run
    IFS=$'\t' read -r what lab kind file run <<<"$1"
    case $what in
    grade) grade "$lab" "$kind" "$file" "$run" ;;
    ask) ask "$lab" "$kind" "$file" ;;
    esac
}
export -f work grade ask stages items expectation
export scratch grader BUILD RECORDS

# rows WHAT RUN: a row for each specimen.
rows() {
    local lab kind file
    for lab in $labs; do
        for kind in right wrong; do
            for file in grader/tests/specimens/"$lab"_*/$kind/*.c; do
                printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$lab" $kind "$file" "$2"
            done
        done
    done
}

# They end with this process, however it ends.
loops=()
for _ in $([ "$BUSY" != 1 ] || seq "$(nproc)"); do
    setpriv --pdeathsig KILL bash -c 'while :; do :; done' &
    loops+=($!)
done

# One run of all before the next: whenever it is broken off, each specimen was graded as often as the others.
{
    for run in $(seq "$K"); do rows grade "$run"; done
    [ "$TOOLS" != 1 ] || rows ask 0
} | to_do >"$scratch/list"
xargs -P "$JOBS" -d '\n' -I{} bash -c 'work "$1"' _ {} <"$scratch/list" >>"$records" 2>"$scratch/errors" &
worker=$!
trap 'kill $worker; exit 130' INT TERM # at once, with nothing more begun
wait $worker
[ "$BUSY" != 1 ] || kill "${loops[@]}"

# table: from the records.
table() {
    echo "$(date +%Y-%m-%d), $(nproc) cores, $(gcc --version | head -n 1), each specimen $K times$([ "$BUSY" != 1 ] || echo ", each core kept busy by another program")"
    echo
    awk -F'\t' -v labs="$(echo $labs)" '
        # What did not cost points in each run.
        function changing(key,    i, count, item, text) {
            count = split(items[key], item, " ")
            for (i = 1; i <= count; i++)
                if (times[key, item[i]] < seen[key]) text = text " " item[i]
            return text != "" ? " for" text : ""
        }
        $1 == "verdict" {
            if (!((" " labs " ") ~ (" " $2 " "))) next
            key = $2 "\t" $3 "\t" $4; seen[key]++
            full = $6 == $7 && $7 > 0
            if ($3 == "right" && !full) lost[key]++
            if ($3 == "wrong" && full) kept[key]++
            if ($8 != "yes") unmet[key]++
            if (seen[key] == 1) { stages[key] = $9; score[key] = $6 } else if (stages[key] != $9) flip[key]
            if (score[key] != $6) { other[key]; scores[key] = scores[key] " " $6 }
            if ($9 ~ /tests/) criterion[key]++
            count = split($10, item, " ")
            for (i = 1; i <= count; i++)
                if (!had[NR, item[i]]++ && !times[key, item[i]]++) items[key] = items[key] " " item[i]
        }
        $1 == "tool" { n[$2, $3, $4]++; if ($5 == "accused") said[$2, $3, $4]++ }
        END {
            print "| lab | wrong caught | right accepted | right reason | flips | other scores |"; print "|---|---|---|---|---|---|"
            for (key in seen) {
                split(key, part, "\t"); l = part[1]; total[l, part[2]]++; all++
                if (part[2] == "wrong" && !(key in kept)) caught[l]++
                if (part[2] == "right" && !(key in lost)) accepted[l]++
                if (!(key in unmet)) reason[l]++
                if (key in flip) flips[l]++
                if (key in other) others[l]++
                if (part[2] == "wrong" && key in criterion) by_tests[l]++
                if (part[2] == "right" && key in criterion) false_tests[l]++
            }
            count = split(labs, order, " ")
            for (i = 1; i <= count; i++) { l = order[i]
                printf "| %s | %d of %d | %d of %d | %d of %d | %d | %d |\n", l, caught[l], total[l, "wrong"], accepted[l], total[l, "right"],
                    reason[l], total[l, "wrong"] + total[l, "right"], flips[l], others[l] }
            print ""; print "| alone | wrong caught | right accused |"; print "|---|---|---|"
            for (i = 1; i <= count; i++) { l = order[i]; w += total[l, "wrong"]; r += total[l, "right"]; bt += by_tests[l]; ft += false_tests[l] }
            printf "| the tests (Criterion) | %d of %d | %d of %d |\n", bt, w, ft, r
            split("helgrind drd ThreadSanitizer", tools, " ")
            for (t = 1; t <= 3; t++) { c = a = cw = ar = 0
                for (i = 1; i <= count; i++) { l = order[i]; c += said[tools[t], l, "wrong"]; cw += n[tools[t], l, "wrong"]; a += said[tools[t], l, "right"]; ar += n[tools[t], l, "right"] }
                if (cw > 0) printf "| %s | %d of %d | %d of %d |\n", tools[t], c, cw, a, ar }
            print ""; print "Not as promised:"; none = 1
            for (key in seen) { if (key in lost || key in kept || key in unmet || key in flip || key in other) { none = 0; split(key, part, "\t")
                printf "* %s %s %s:%s%s%s%s%s (loses points in: %s)\n", part[1], part[2], part[3], key in lost ? " loses points" : "", key in kept ? " keeps all points" : "",
                    key in unmet && !(key in lost) && !(key in kept) ? " for another reason" : "", key in flip ? " changes between runs" : "",
                    key in other ? " scores " score[key] " and" scores[key] changing(key) : "", stages[key] } }
            if (none) print "* nothing"
        }' "$records"
}

table | tee "$scratch/table"
[ -z "${OUT:-}" ] || cp "$scratch/table" "$OUT"
! grep -qE 'loses points:|keeps all points| loses points' "$scratch/table"
