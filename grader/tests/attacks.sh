#!/bin/bash
# attacks.sh: grades hostile hand-ins and looks at what came of it. The first line of each says what must:
#
#   /* attack: BASE STAGE KIT SCORE WORD | what is tried */
#
# BASE   the hand-in it is appended to, attacks/bases/BASE.c: idle, right, racy, lab03_idle ...; it calls attack(). Its first
#        line may name lab and test, /* base: LAB TEST */, else lab01 is meant; @SOLUTION@ stands for the reference solution
# STAGE  the stages that are run, as for --only; of the last one the score counts
# KIT    gate: the lab as it is; open: with all calls of the C library allowed, so that what stands behind the gate is tested,
#        and with low limits for a whole tree (what is called tree_* needs control groups, where the grader may use them)
# SCORE  what the stage must give, no more and no less; -: not looked at
# WORD   a regular expression that the report must hold; -: nothing in particular
#
# Besides: the grader ends well; the report holds neither the secret that lies in a file, in the environment and in another
# hand-in, nor the words ATTACK SUCCEEDED, nor control characters; files and a process outside are as before; no process,
# temporary file, socket or IPC object is left.
# usage: attacks.sh [NAME...]      ATTACKS=all; ATTACKS=short takes every fifth
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
ATTACKS=${ATTACKS:-all}
succeeded=0
secret=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
canary=$scratch/canary
mkdir -p "$canary" "$scratch/tmp" "$scratch/open" "$scratch/in"
echo "$secret" >"$canary/secret"
echo "// $secret" >"$canary/counter.c"
cp -r labs harness "$scratch/open/"
sed -i '/^symbols:/d; s/^limits: {/&test_cpu_seconds: 2, tree_memory_mb: 400, /' "$scratch/open/labs"/*/lab.yaml
sleep 3600 &
canary_process=$!
trap 'kill "$canary_process" 2>/dev/null; rm -rf "$scratch"' EXIT

if ! "$grader" doctor | grep -q '^ok *sandbox'; then
    fail "there is a sandbox" "$("$grader" doctor | grep sandbox)"
    finish
    exit 1
fi

groups=$("$grader" doctor | grep '^ok *control groups')

# objects: what attacks/ipc.c makes, and what would outlive it if nobody removed it (key 0x10c5).
objects() {
    ls -A /dev/shm /dev/mqueue 2>/dev/null | grep lockstep
    cat /proc/sysvipc/{shm,sem,msg} | awk '$1 == 4293 { print $1, $2 }'
}

# strays: processes of a hand-in: their sandbox shows a workspace of ours. (Others may grade on this machine, too.)
strays() {
    grep -ls "$scratch/tmp/" /proc/[0-9]*/mountinfo | sed 's,/proc/\([0-9]*\)/.*,\1,'
}

# stage_score REPORT STAGES: the score of the last of the stages.
stage_score() {
    awk -v stage="\"${2##*,}\"" '$1 == "\"name\":" { here = $2 == stage "," } here && $1 == "\"score\":" { print $2 + 0; exit }' "$1"
}

# harm FILE STAGES SCORE WORD: prints what is not as it should be after a grading.
harm() {
    local report=$1.json text=$1.text score
    [ "$code" -eq 0 ] || echo "the grader ended with $code: $(tail -n 3 "$text")"
    score=$(stage_score "$report" "$2")
    [ "$3" = - ] || [ "$score" = "$3" ] || echo "the stage ${2##*,} gave '$score', not $3"
    [ "$4" = - ] || tr '\n' ' ' <"$text" | sed 's/   */ /g' | cat - "$report" | grep -qi -- "$4" ||
        echo "the report does not say '$4': $(tail -n +6 "$text" | head -n 6)"
    ! grep -q "$secret" "$report" "$text" || echo "the secret is in the report"
    ! grep -q 'ATTACK SUCCEEDED' "$report" "$text" || echo "it did what it wanted: $(grep -h 'ATTACK SUCC' "$text" | head -n 3)"
    ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" "$text" || echo "control characters are in the report"
    [ "$(cat "$canary/secret" "$canary/counter.c")" = "$(printf '%s\n// %s' "$secret" "$secret")" ] &&
        [ "$(ls -A "$canary" | wc -l)" -eq 2 ] || echo "files outside are changed"
    kill -0 "$canary_process" 2>/dev/null || echo "a process outside was killed"
    [ -z "$(ls -A "$scratch/tmp")" ] || echo "left: $(ls -A "$scratch/tmp")"
    [ -z "$(strays)" ] || echo "processes are left: $(strays | tr '\n' ' ')"
    [ -z "$(objects)" ] || echo "IPC objects are left"
}

# attack NAME BASE STAGES KIT SCORE WORD
attack() {
    local file=$scratch/in/$1.c kit=$PWD started what lab test solution
    case $1 in
    tree_*) [ -n "$groups" ] || { echo "skip  $1: no control groups here" && return; } ;;
    esac
    [ "$4" = open ] && kit=$scratch/open
    read -r lab test < <(sed -n '1s,^/\* base: \(.*\) \*/$,\1,p' "grader/tests/attacks/bases/$2.c"; echo "lab01 counts_on_one_thread")
    solution=$(echo solutions/"$lab"_*/*.c)
    { sed -e "/@SOLUTION@/{r $solution" -e 'd}' "grader/tests/attacks/bases/$2.c" && sed 1d "grader/tests/attacks/$1.c"; } |
        sed -e "s|@CANARY@|$canary|g; s|@KIT@|$PWD|g; s|@PORT@|1|g" >"$file"
    started=$(date +%s%N)
    case $3 in *tests) test="--test $test" ;; *) test= ;; esac
    # shellcheck disable=SC2086
    SECRET=$secret HOME=$canary TMPDIR=$scratch/tmp LOCKSTEP_ROOT=$kit timeout 120 "$grader" grade "$lab" "$file" \
        --only "$3" $test --json "$file.json" >"$file.text" 2>&1 </dev/null
    code=$?
    what=$(harm "$file" "$3" "$5" "$6")
    if [ -z "$what" ]; then
        pass "$1 ($((($(date +%s%N) - started) / 100000000))00 ms)"
    else
        succeeded=$((succeeded + 1))
        fail "$1" "$what"
    fi
}

names=${*:-$(cd grader/tests/attacks && ls ./*.c | sed 's,^\./,,; s,\.c$,,' |
    awk -v all="$ATTACKS" 'all == "all" || NR % 5 == 1')}
for name in $names; do
    head=$(sed -n '1s,^/\* attack: \([^|]*[^| ]\) *|.*,\1,p' "grader/tests/attacks/$name.c")
    # shellcheck disable=SC2086
    attack "$name" $head
done

# What is no text: a folder whose file is a link to the secret, with the name the lab asks for.
if [ $# -eq 0 ]; then
    mkdir "$scratch/folder" && ln -s "$canary/secret" "$scratch/folder/counter.c"
    "$grader" grade lab01 "$scratch/folder" --only build --json "$scratch/link.json" >"$scratch/link.text" 2>&1
    if grep -q "$secret" "$scratch/link.json" "$scratch/link.text" || ! grep -q 'symbolic link' "$scratch/link.text"; then
        succeeded=$((succeeded + 1))
        fail "link in a folder" "$(cat "$scratch/link.text")"
    else
        pass "link in a folder"
    fi
fi
echo "$succeeded of $((passed + failed)) attacks succeeded"
finish
