#!/bin/bash
# make_goals.sh: what a student types. Works on a copy of the project, so that no file of the student is touched.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
copy=$scratch/copy
mkdir "$copy"
tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$copy"
mkdir "$copy/build"
cp -rp "$BUILD/grader" "$BUILD/supervise" "$BUILD/inside" "$BUILD/harness" "$copy/build/"
[ -d "$BUILD/obj" ] && cp -rp "$BUILD/obj" "$copy/build/"
cd "$copy" || exit 1
export DEPS=skip
unset MAKEFLAGS MAKELEVEL SANITIZE LAB FILE

# says TEXT GOAL...: make succeeds and prints TEXT.
says() {
    local text=$1
    shift
    make "$@" >"$scratch/out" 2>&1 </dev/null || { cat "$scratch/out"; return 1; }
    grep -q -- "$text" "$scratch/out" || { cat "$scratch/out"; return 1; }
}

# refuses CODE TEXT GOAL...: make fails, and prints TEXT.
refuses() {
    local text=$1
    shift
    make "$@" >"$scratch/out" 2>&1 </dev/null && return 1
    grep -q -- "$text" "$scratch/out" || { cat "$scratch/out"; return 1; }
}

file=labs/lab01_counter/counter.c
check "make prints help" says 'make grade'
check "make help names every goal a user needs" says 'make reset' help
check "make list" says 'lab03' list
check "make grade without a lab says what to do" refuses 'which lab' grade
check "make explain lists the kinds of findings" says '^data-race  *Two threads' explain
check "make explain KIND=" says 'What does not fix it' explain KIND=lost-wake-up
check "make explain of no kind" refuses "'no-such-kind'" explain KIND=no-such-kind
check "make lab01 on the skeleton" says 'This is the skeleton' lab01
check "make grade remembers the lab" says 'lab01: ' grade
cp solutions/lab01_counter/counter.c $file
check "make lab01 on a right file" says 'of [0-9]* tests pass' lab01
check "make lab01 TEST=" says '1 of 1 tests pass' lab01 TEST=increments_are_not_lost
check "make grade JSON=" says 'score' grade JSON="$scratch/report.json" FILE=labs/lab01_counter/skeleton.c
check "its JSON has the schema" grep -q '"schema": "lockstep/report/1"' "$scratch/report.json"
check "make grade REQUIRE= not reached fails" refuses 'score' grade FILE=labs/lab01_counter/skeleton.c REQUIRE=50
check "make races" says 'races  *10/10' races LAB=lab01
check "make keep" says 'compiles' keep LAB=lab01
check "it keeps the programs" test -x build/keep/lab01/bin/race
check "make keep again" says 'compiles' keep LAB=lab01
check "make solution" says 'solutions/lab01_counter' solution LAB=lab01
unlocked=grader/tests/specimens/lab01_counter/wrong/no_lock.c
check "make explore on a right file" says 'two_increments: nothing found' explore LAB=lab01
check "make explore finds what is wrong" refuses 'an increment is lost' explore LAB=lab01 SCENARIO=two_increments FILE=$unlocked
token=$(sed -n 's/^schedule: //p' "$scratch/out")
check "make replay shows it again" refuses 'an increment is lost' replay LAB=lab01 SCHEDULE="$token" FILE=$unlocked
check "make explore on a program" refuses 'wakes up for no reason' explore FILE=harness/explore/tests/wrong/wait_if.c
token=$(sed -n 's/^schedule: //p' "$scratch/out")
check "make replay on a program" refuses 'wakes up for no reason' replay SCHEDULE="$token" FILE=harness/explore/tests/wrong/wait_if.c
check "make replay without a schedule" refuses 'which schedule' replay LAB=lab01
check "make explore of no such scenario" refuses 'which scenario of lab01' explore LAB=lab01 SCENARIO=nosuch
check "make reset without an answer changes nothing" says 'nothing changed' reset LAB=lab01
check "the file is still there" cmp $file solutions/lab01_counter/counter.c
check "make reset" says 'is the skeleton again' reset LAB=lab01 YES=1
check "the skeleton is back" cmp $file labs/lab01_counter/skeleton.c
check "the copy is kept" cmp "$(ls labs/lab01_counter/counter.c.backup-*)" solutions/lab01_counter/counter.c
check "make reset of an unknown lab" refuses 'unknown lab' reset LAB=lab99
check "make doctor" sh -c 'make doctor | grep -q "cores"'
check "make clean" make clean
check "it leaves nothing built" test ! -e build
finish
