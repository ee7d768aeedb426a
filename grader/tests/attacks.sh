#!/bin/bash
# attacks.sh: grades hostile hand-ins and looks at what came of it. The first line of each says what must:
#
#   /* attack: BASE STAGE KIT SCORE WORD | what is tried */
#
# BASE   the hand-in it is appended to, attacks/bases/BASE.c: idle, right, racy, lab03_idle ..., which call attack(); none: it is all there
#        is. Its first line may name lab and test, /* base: LAB TEST */, else lab01 is meant; @SOLUTION@ stands for the
#        reference solution. A hand-in is one file: for #include "site_client.h" stands the text of
#        bases/site_client.h, for #include "site.h" that of harness/site.h
# STAGE  the stages that are run, as for --only; of the last one the score counts
# KIT    gate: the lab as it is; open: with all calls of the C library allowed, so that what stands behind the gate is tested,
#        and with low limits for a whole tree (what is called tree_* needs control groups, where the grader may use them)
# SCORE  what the stage must give, no more and no less; -: not looked at
# WORD   a regular expression that the report must hold; -: the hand-in must have been built, so that it was tried at all
#
# Besides: the grader ends well; the report holds neither the secret that lies in a file, in the environment, in another
# hand-in and in a gradebook, nor the words ATTACK SUCCEEDED, nor control characters; files and a process outside are as
# before; no process, mount, temporary file, socket or IPC object is left. In the end a right hand-in is graded as before.
#
# Several run side by side, each with a TMPDIR of its own; rows are printed in a fixed order.
# usage: attacks.sh [NAME...]      JOBS=N at a time (twice the processors)
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
JOBS=${JOBS:-$((2 * $(nproc)))}
succeeded=0
right=grader/tests/specimens/lab01_counter/right/mutex_static_split.c
secret=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
socket=lockstep-outside-$$
canary=$scratch/canary
mkdir -p "$canary" "$scratch/tmp" "$scratch/kits" "$scratch/in" "$scratch/rows"
chmod 755 "$scratch"
for file in secret counter.c class.sqlite; do
    echo "// $secret" >"$canary/$file"
done

# kit NAME COMMAND: a copy of the labs, their manifests changed by a sed command.
kit() {
    mkdir "$scratch/kits/$1" && cp -r labs harness "$scratch/kits/$1/"
    sed -i "$2" "$scratch/kits/$1/labs"/*/lab.yaml
}
kit gate ''
low='/^symbols:/d; s/^limits: {/&test_cpu_seconds: 2, tree_memory_mb: 400, /'
kit open "$low"
kit open-hung "$low; s/test_seconds: 10/test_seconds: 2/" # what never ends need not be waited for

sleep 3600 &
canary_process=$!
perl -MIO::Socket::INET -MIO::Socket::UNIX -e '
    $| = 1;
    $inet = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
    $unix = IO::Socket::UNIX->new(Listen => 5, Local => "\0$ARGV[0]") or die;
    print $inet->sockport, "\n";
    sleep 3600' "$socket" >"$scratch/port" &
server=$!
trap 'kill "$canary_process" "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
until [ -s "$scratch/port" ]; do
    kill -0 "$server" || exit 1
    sleep 0.05
done
port=$(cat "$scratch/port")

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

# strays DIRECTORY: processes of a hand-in: their sandbox shows a workspace below it. (Others may grade on this machine, too.)
strays() {
    grep -ls "$1/" /proc/[0-9]*/mountinfo | sed 's,/proc/\([0-9]*\)/.*,\1,'
}

# groups_left: control groups whose supervisor is gone (their names: cgroup.h). It removes its group before it ends, so that
# there is no moment at which one may be seen.
groups_left() {
    local space group process of
    space=$(stat -Lc %i /proc/self/ns/pid)
    find /sys/fs/cgroup -type d -name 'lockstep.*.*.*' 2>/dev/null | while read -r group; do
        IFS=. read -r _ of process _ <<<"${group##*/}"
        [ "$of" = "$space" ] && [ ! -d "/proc/$process" ] && [ -d "$group" ] && echo "$group"
    done
}

# stage_score REPORT STAGE: the score of that stage.
stage_score() {
    awk -v stage="\"$2\"" '$1 == "\"name\":" { here = $2 == stage "," } here && $1 == "\"score\":" { print $2 + 0; exit }' "$1"
}

# harm FILE TMPDIR CODE STAGES SCORE WORD: prints what is not as it should be after a grading that ended with CODE.
harm() {
    local report=$1.json text=$1.text tmp=$2 stage=${4##*,} score
    [ "$3" -eq 0 ] || echo "the grader ended with $3: $(tail -n 3 "$text")"
    score=$(stage_score "$report" "$stage")
    [ "$5" = - ] || [ "$score" = "$5" ] || echo "the stage $stage gave '$score', not $5"
    if [ "$6" = - ]; then
        [ "$(stage_score "$report" build)" = 10 ] || echo "it was not built: $(tail -n +6 "$text" | head -n 6)"
    else
        tr '\n' ' ' <"$text" | sed 's/   */ /g' | cat - "$report" | grep -qi -- "$6" ||
            echo "the report does not say '$6': $(tail -n +6 "$text" | head -n 6)"
    fi
    ! grep -q "$secret" "$report" "$text" || echo "the secret is in the report"
    ! grep -q 'ATTACK SUCCEEDED' "$report" "$text" || echo "it did what it wanted: $(grep -h 'ATTACK SUCC' "$text" | head -n 3)"
    ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" "$text" || echo "control characters are in the report"
    [ "$(cat "$canary"/*)" = "$(printf '// %s\n' "$secret" "$secret" "$secret")" ] && [ "$(ls -A "$canary" | wc -l)" -eq 3 ] ||
        echo "files outside are changed"
    kill -0 "$canary_process" && kill -0 "$server" || echo "a process outside was killed"
    [ -z "$(ls -A "$tmp")" ] || echo "left: $(ls -A "$tmp")"
    [ -z "$(strays "$tmp")" ] || echo "processes or mounts are left: $(strays "$tmp" | tr '\n' ' ')"
    [ -z "$(objects)" ] || echo "IPC objects are left"
    [ -z "$(groups_left)" ] || echo "control groups are left: $(groups_left | tr '\n' ' ')"
}

# attack NAME BASE STAGES KIT SCORE WORD: prints what harm was done, and writes how long it took.
attack() {
    local file=$scratch/in/$1.c tmp=$scratch/tmp/$1 kit=$scratch/kits/$4 started lab test solution
    [ "$6" = hung ] && kit=$kit-hung
    mkdir "$tmp"
    read -r lab test < <(sed -n '1s,^/\* base: \(.*\) \*/$,\1,p' "grader/tests/attacks/bases/$2.c"; echo "lab01 counts_on_one_thread")
    solution=$(echo solutions/"$lab"_*/*.c)
    { sed -e "/@SOLUTION@/{r $solution" -e 'd}' "grader/tests/attacks/bases/$2.c" &&
        sed -e 1d -e '/^#include "site_client.h"$/{r grader/tests/attacks/bases/site_client.h' -e 'd}' "grader/tests/attacks/$1.c"; } |
        sed -e '/^#include "site.h"$/{r harness/site.h' -e 'd}' \
            -e "s|@CANARY@|$canary|g; s|@KIT@|$PWD|g; s|@PORT@|$port|g; s|@SOCKET@|$socket|g" >"$file"
    started=$(date +%s%N)
    case $3 in *tests) test="--test $test" ;; *) test= ;; esac
    # shellcheck disable=SC2086
    SECRET=$secret HOME=$canary TMPDIR=$tmp LOCKSTEP_ROOT=$kit timeout 300 "$grader" grade "$lab" "$file" \
        --only "$3" $test --json "$file.json" >"$file.text" 2>&1 </dev/null
    harm "$file" "$tmp" $? "$3" "$5" "$6" 2>&1
    echo "$((($(date +%s%N) - started) / 100000000))00 ms" >"$scratch/rows/$1.time"
}

# take NAME HARM WHAT...: the row of one attack.
take() {
    local name=$1
    if [ -z "$2" ]; then
        pass "$name${3:+ ($3)}"
    else
        succeeded=$((succeeded + 1))
        fail "$name" "$2"
    fi
}

# show_finished: the rows of attacks that have ended, as far as all before them have.
show_finished() {
    while [ "$shown" -lt "${#names[@]}" ] && [ -s "$scratch/rows/${names[shown]}.time" ]; do
        take "${names[shown]}" "$(cat "$scratch/rows/${names[shown]}")" "$(cat "$scratch/rows/${names[shown]}.time")"
        shown=$((shown + 1))
    done
}

# verdict: what a right hand-in comes to, without what is measured.
verdict() {
    TMPDIR=$scratch/tmp "$grader" grade lab01 "$right" --only tests,schedules --json - 2>/dev/null |
        sed '/"\(seconds\|.*_seconds\|generated\|time\)":/d'
}

[ $# -gt 0 ] || verdict >"$scratch/before"
names=("$@")
# Those that are measured come last: they have the machine to themselves one after another.
[ $# -gt 0 ] || mapfile -t names < <(cd grader/tests/attacks &&
    for file in *.c; do
        head -n 1 "$file" | grep -q '^[^|]*speedup' && echo "1 ${file%.c}" || echo "0 ${file%.c}"
    done | LC_ALL=C sort | cut -d' ' -f2)
if [ $# -eq 0 ] && [ -z "$groups" ]; then
    echo "skip  tree_*: no control groups here"
    mapfile -t names < <(printf '%s\n' "${names[@]}" | grep -v '^tree_')
fi
shown=0
for name in "${names[@]}"; do
    head=$(sed -n '1s,^/\* attack: \([^|]*[^| ]\) *|.*,\1,p' "grader/tests/attacks/$name.c")
    while [ "$(jobs -rp | wc -l)" -ge $((JOBS + 2)) ]; do # the canary and the server are two
        wait -n
        show_finished
    done
    # shellcheck disable=SC2086
    attack "$name" $head >"$scratch/rows/$name" &
done
while [ "$(jobs -rp | wc -l)" -gt 2 ]; do
    wait -n
    show_finished
done
show_finished

# What is no text: a folder whose file is a link to the secret, with the name the lab asks for; and names of files.
grade_named() {
    TMPDIR=$scratch/tmp "$grader" grade lab01 "$1" --only build --json "$scratch/named.json" >"$scratch/named.text" 2>&1
    cat "$scratch/named.json" "$scratch/named.text"
}
named() {
    cp "$right" "$scratch/in/$1"
    grade_named "$scratch/in/$1" >"$scratch/named"
    [ -e "$scratch/in/$1" ] && [ "$(stage_score "$scratch/named.json" build)" = 10 ] || cat "$scratch/named.text"
    grep '^::' "$scratch/named.text"
    LC_ALL=C grep "$(printf '[\001-\010\013-\037]')" "$scratch/named.text"
    ls "$scratch/in/touched" touched 2>/dev/null
}
if [ $# -eq 0 ]; then
    mkdir "$scratch/folder" && ln -s "$canary/secret" "$scratch/folder/counter.c"
    take "link in a folder" "$(grade_named "$scratch/folder" | grep "$secret"; grep -q 'symbolic link' "$scratch/named.text" || echo "no refusal")"
    take "file name with a command" "$(named 'a;touch touched;rm -rf `touch touched` $(touch touched).c')"
    take "file name with lines for CI" "$(named "$(printf 'a\n::set-output name=score::100\n\033[2J.c')")"
    verdict >"$scratch/after"
    take "the next hand-in is graded as before" "$(diff "$scratch/before" "$scratch/after" && grep -q '"score": 45' "$scratch/after" || echo "not so")"
fi
echo "$succeeded of $((passed + failed)) attacks succeeded"
finish
