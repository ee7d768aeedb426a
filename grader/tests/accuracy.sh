#!/bin/bash
# accuracy.sh: the measuring instrument of the verdicts, for `make accuracy`: grades every specimen K times and says, lab by
# lab, how many wrong ones lost points, how many right ones kept all of them, how many were failed for the reason that their
# first line promises, and of how many the verdict (the stages that lose points) or only the score changed between runs. Beside
# it the same for helgrind, drd and ThreadSanitizer alone (an error about the lab's race driver is a wrong one caught, or a
# right one accused) and for the Criterion tests
# alone. usage: accuracy.sh [LAB...]      K=3 JOBS=cores TOOLS=1 (0: without the three tools) OUT=file (writes the table there)
# BUSY=1 keeps each core busy with an endless loop all the time.
# RECORDS=file keeps what was measured, one row for all gradings of a specimen that came out alike: the same words again go
# on where it was broken off, a larger K adds runs. A row tells the state of grader, harness, lab and specimen that it was
# measured with: after a change the rows that it makes worthless are dropped, and those specimens begin anew. One process
# at a time for a file. accuracy.tsv, beside this script, is such a file.
# Reports that were not as promised are kept in build/accuracy.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
K=${K:-3}
JOBS=${JOBS:-$(nproc)}
TOOLS=${TOOLS:-1}
BUSY=${BUSY:-0}
labs=${*:-$("$grader" list | cut -d' ' -f1)}
RECORDS=${RECORDS:-$scratch/records}
reports=$BUILD/accuracy
load=$([ "$BUSY" = 1 ] && echo busy || echo quiet)
mkdir "$scratch/runs" "$scratch/tools"
mkdir -p "$reports" && touch "$RECORDS" || exit 2

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

# A row of the records, tab-separated: how many times, what, state, lab, kind, name, load, and then
#     verdict: score, highest score, whether for the promised reason, stages and items that lost points (a grader that
#              did not end as it should is a stage of its own)
#     tool:    which, whether it accused

# grade STATE LAB KIND FILE RUN: a row for one grading.
grade() {
    local name report code row met=no
    name=$(basename "$4" .c)
    report=$(mktemp "$scratch/runs/XXXXXX")
    timeout --foreground 1800 "$grader" grade "$2" "$4" --json "$report" >/dev/null 2>&1
    code=$?
    case $code in 130 | 143) return ;; esac # broken off: says nothing
    "$BUILD/tests/expect" "$report" "$(expectation "$4")" >"$report.said" 2>/dev/null && met=yes
    row=$(printf '1\tverdict\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s' "$1" "$2" "$3" "$name" "$load" \
        "$(sed -n 's/^  "score": \([0-9]*\),$/\1/p' "$report")" "$(sed -n 's/^  "max_score": \([0-9]*\),$/\1/p' "$report")" "$met" "$(stages "$report")$([ $code = 0 ] || echo " ERROR $code")" \
        "$(items "$report")")
    [ -d "$scratch" ] || return # else all of the report was there when it was read
    echo "$row"
    [ $met = yes ] || cp "$report" "$reports/$2.$name.$5.json"
    rm -f "$report" "$report.said"
}

# ask STATE LAB KIND FILE: a row for each of the three tools alone: whether it has an error to tell of the lab's race driver.
ask() {
    local state=$1 lab=$2 kind=$3 name keep tool
    name=$(basename "$4" .c)
    keep=$(mktemp -u "$scratch/tools/XXXXXX")
    "$grader" grade "$lab" "$4" --only build --keep "$keep" --no-sandbox >/dev/null 2>&1
    export LOCKSTEP_HELPERS=$PWD/$BUILD/harness
    for tool in helgrind drd ThreadSanitizer; do
        case $tool in
        helgrind) set -- valgrind -q --tool=helgrind --fair-sched=try --error-exitcode=66 ../bin/race ;;
        drd) set -- valgrind -q --tool=drd --fair-sched=try --error-exitcode=66 ../bin/race ;;
        ThreadSanitizer) set -- env TSAN_OPTIONS=exitcode=66 setarch -R ../bin/race_tsan ;;
        esac
        (cd "$keep/run" 2>/dev/null && timeout -k 1 60 "$@") >/dev/null 2>&1
        printf '1\ttool\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$state" "$lab" "$kind" "$name" "$load" "$tool" "$([ $? = 66 ] && echo accused || echo silent)"
    done
    rm -rf "$keep"
}

# work LINE: one row of the list, `what state lab kind file run`.
work() {
    local what state lab kind file run
    IFS=$'\t' read -r what state lab kind file run <<<"$1"
    "$what" "$state" "$lab" "$kind" "$file" "$run"
}
export -f work grade ask stages items expectation
export scratch grader BUILD load reports

# deciding LAB: the files that its verdicts depend on, but for the hand-in. Not: what shows a report, what grades a class,
# the tests of harness and explorer; nor, where no benchmark counts steps (harness/bench.h), what counts who writes where;
# nor modules of the harness that nothing but a lab's programs use, where this lab's do not.
deciding() {
    local not='^grader/(report_|doctor|watch|explain|main|batch)|^harness/(explore/)?tests/|README|\.md$' module
    grep -q '\.steps = ' labs/"$1"_*/bench.c || not+='|^harness/lines\.'
    for module in site leftovers; do
        grep -q "\"$module.h\"" labs/"$1"_*/*.c || not+="|^harness/$module[._]"
    done
    find grader/*.c grader/*.h grader/*.def grader/stages grader/explore harness labs/"$1"_* -type f |
        grep -Ev "$not" | LC_ALL=C sort
}

# specimens: a row for each, `state lab kind file`.
specimens() {
    local lab kind file lab_state
    for lab in $labs; do
        lab_state=$(deciding "$lab" | xargs -d '\n' sha256sum | sha256sum)
        for kind in right wrong; do
            for file in grader/tests/specimens/"$lab"_*/$kind/*.c; do
                printf '%s\t%s\t%s\t%s\n' "$( (echo "$lab_state" && cat "$file") | sha256sum | cut -c 1-12)" "$lab" $kind "$file"
            done
        done
    done
}

# to_do: of the rows on stdin, `what state lab kind file run`, those that are not recorded.
to_do() {
    awk -F'\t' -v load="$load" '
        function name(path) { sub(/.*\//, "", path); sub(/\.c$/, "", path); return path }
        FILENAME != "-" { if ($7 == load) done[$2 == "verdict" ? "grade" : "ask", $3, $4, $5, $6] += $1; next }
        $6 > done[$1, $2, $3, $4, name($5)]' "$RECORDS" -
}

# merge: the records, like rows as one, without the rows of another state.
merge() {
    awk -F'\t' -v OFS='\t' '
        FNR == NR { state[$1]; lab[$2]; next }
        !($4 in lab) || $3 in state { times = $1; sub(/^[^\t]*\t/, ""); sum[$0] += times }
        END { for (row in sum) print sum[row], row }' "$scratch/specimens" "$RECORDS" | LC_ALL=C sort -t "$(printf '\t')" -k 2,2 -k 4,7 -k 1,1nr -k 8 >"$scratch/merged" &&
        cat "$scratch/merged" >"$RECORDS"
}

# They end with this process, however it ends.
loops=()
for _ in $([ "$BUSY" != 1 ] || seq "$(nproc)"); do
    setpriv --pdeathsig KILL bash -c 'while :; do :; done' &
    loops+=($!)
done

# Sorted by their states, so that labs that mostly wait are mixed with those that compute.
specimens | LC_ALL=C sort >"$scratch/specimens"
merge
# One run of all before the next: whenever it is broken off, each specimen was graded as often as the others.
{
    for run in $(seq "$K"); do sed "s/.*/grade\t&\t$run/" "$scratch/specimens"; done
    [ "$TOOLS" != 1 ] || sed "s/.*/ask\t&\t1/" "$scratch/specimens"
} | to_do >"$scratch/list"
set -m # a process group of its own, which can be ended as one
xargs -P "$JOBS" -d '\n' -I{} bash -c 'work "$1"' _ {} <"$scratch/list" >>"$RECORDS" 2>"$scratch/errors" &
worker=$!
set +m
# At once; a grading that is just being read finds its folder gone, and says nothing.
stop() {
    kill -- -$worker 2>/dev/null
    mv "$scratch" "$scratch.ended" && scratch=$scratch.ended
    merge
    exit 130
}
trap stop INT TERM
wait $worker
[ "$BUSY" != 1 ] || kill "${loops[@]}"
merge

# table: from the records.
table() {
    echo "$(date +%Y-%m-%d), $(nproc) cores, $(gcc --version | head -n 1)$([ "$BUSY" != 1 ] || echo ", each core kept busy by another program")"
    echo
    awk -F'\t' -v labs="$(echo $labs)" -v load="$load" '
        # What did not cost points in each run.
        function changing(key,    i, count, item, text) {
            count = split(items[key], item, " ")
            for (i = 1; i <= count; i++)
                if (times[key, item[i]] < seen[key]) text = text " " item[i]
            return text != "" ? " for" text : ""
        }
        # Counts a specimen in a line of the table.
        function tally(line, kind, key) {
            total[line, kind]++
            if (!least[line] || seen[key] < least[line]) least[line] = seen[key]
            if (seen[key] > most[line]) most[line] = seen[key]
            if (kind == "wrong" && !(key in kept)) caught[line]++
            if (kind == "right" && !(key in lost)) accepted[line]++
            if (!(key in unmet)) reason[line]++
            if (key in flip) flips[line]++
            if (key in other) others[line]++
            if (kind == "wrong" && key in criterion) by_tests[line]++
            if (kind == "right" && key in criterion) false_tests[line]++
        }
        (" " labs " ") !~ (" " $4 " ") || $7 != load { next }
        $2 == "verdict" {
            key = $4 "\t" $5 "\t" $6
            full = $8 == $9 && $9 > 0
            if ($5 == "right" && !full) lost[key] += $1
            if ($5 == "wrong" && full) kept[key] += $1
            if ($10 != "yes") unmet[key] += $1
            if (!seen[key]) { stages[key] = $11; score[key] = $8 } else if (stages[key] != $11) flip[key]
            if (score[key] != $8) { other[key]; scores[key] = scores[key] " " $8 }
            seen[key] += $1; gradings += $1
            if ($11 ~ /tests/) criterion[key]
            count = split($12, item, " ")
            for (i = 1; i <= count; i++) {
                if (had[NR, item[i]]++) continue
                if (!times[key, item[i]]) items[key] = items[key] " " item[i]
                times[key, item[i]] += $1
            }
        }
        $2 == "tool" { n[$8, $4, $5] += $1; if ($9 == "accused") said[$8, $4, $5] += $1 }
        END {
            print gradings + 0 " gradings"; print ""
            print "| lab | gradings each | wrong caught | right accepted | right reason | flips | other scores |"; print "|---|---|---|---|---|---|---|"
            for (key in seen) { split(key, part, "\t"); tally(part[1], part[2], key); tally("all", part[2], key) }
            count = split(labs, order, " ")
            order[count + 1] = "all"
            for (i = 1; i <= count + (count > 1); i++) { l = order[i]
                printf "| %s | %s | %d of %d | %d of %d | %d of %d | %d | %d |\n", l, least[l] + 0 (most[l] > least[l] ? " to " most[l] : ""), caught[l], total[l, "wrong"],
                    accepted[l], total[l, "right"], reason[l], total[l, "wrong"] + total[l, "right"], flips[l], others[l] }
            print ""; print "| alone | wrong caught | right accused |"; print "|---|---|---|"
            printf "| the tests (Criterion) | %d of %d | %d of %d |\n", by_tests["all"], total["all", "wrong"], false_tests["all"], total["all", "right"]
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
        }' "$RECORDS"
}

table | tee "$scratch/table"
[ -z "${OUT:-}" ] || cp "$scratch/table" "$OUT"
! grep -qE 'loses points:|keeps all points| loses points' "$scratch/table"
