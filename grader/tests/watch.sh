#!/bin/bash
# watch.sh: `grader watch` as a student uses it: saves, as editors do it, and keys.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=grader/tests/lib.sh
. grader/tests/lib.sh
file=$scratch/counter.c
right=solutions/lab01_counter/counter.c
wrong=grader/tests/specimens/lab01_counter/wrong/total_without_lock.c
out=$scratch/out

# shown N: waits until N reports are there, the last of them whole.
shown() {
    for _ in $(seq 600); do
        [ "$(grep -c '^watching' "$out")" -ge "$1" ] && return
        sleep 0.1
    done
    cat "$out"
    return 1
}

# report N: the N-th of them.
report() {
    awk -v n="$1" '/^watching/ { i++; next } i == n - 1' "$out"
}

# Starts it, as process $pid. What an earlier one showed must not pass for its own: $out is empty before.
start() {
    : >"$out"
    "$grader" watch lab01 "$file" <"$scratch/keys" >"$out" 2>&1 &
    pid=$!
    shown 1
}

begin() {
    { cat labs/lab01_counter/skeleton.c && echo '/* mine */'; } >"$file"
    mkfifo "$scratch/keys" && exec 9<>"$scratch/keys"
    start && report 1 | grep -q 'What to mend'
}

# As vi does: a new file put in place of the old one.
save() {
    cp "$1" "$file.new" && mv "$file.new" "$file"
}

same_again() {
    printf '\n' >>"$file"
    shown 2 && report 2 | head -n 1 | grep -q '^still wrong: '
}

mended() {
    save $right
    shown 3 && report 3 | head -n 1 | grep -q '^mended: ' && report 3 | grep -q 'tests  *45/45' && ! report 3 | grep -q speedup
}

other_files_do_not_count() {
    touch "$scratch/other.c" && echo x >"$file.swp"
    sleep 1
    [ "$(grep -c '^watching' "$out")" -eq 3 ]
}

full() {
    save $wrong && shown 4 && printf 'xg' >&9 && shown 5 && report 5 | grep -q 'races'
}

ends() {
    printf 'q' >&9
    wait $pid
}

interrupted() {
    start || return 1
    kill -INT $pid
    wait $pid
    [ $? -eq 130 ]
}

refuses() {
    "$grader" watch lab99 >"$out" 2>&1
    [ $? -eq 2 ] && grep -q "unknown lab 'lab99'" "$out" || return 1
    "$grader" watch lab01 "$scratch/none/x.c" >"$out" 2>&1 </dev/null
    [ $? -eq 2 ] && grep -q 'cannot watch' "$out"
}

check "it begins with a report" begin
check "the same finding comes first again" same_again
check "a mended finding is said first" mended
check "other files do not count" other_files_do_not_count
check "a key grades in full" full
check "q ends" ends
check "so does Ctrl-C" interrupted
check "what cannot be watched" refuses
finish
