#!/bin/bash
# bad_input.sh: hand-ins and machines as they should not be. Each row: a clear message, the right exit status, and nothing left
# behind: no process, no temporary file.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
export TMPDIR=$scratch/tmp
mkdir "$TMPDIR" "$scratch/in"

# counter NAME LINES: a right hand-in for lab01 whose counter_add runs LINES first.
counter() {
    cat >"$scratch/in/$1.c" <<EOF
#define _GNU_SOURCE
#include "counter.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
struct counter { pthread_mutex_t lock; int64_t value; };
struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}
void counter_free(struct counter *c) { free(c); }
static int deep(volatile char *above) { volatile char frame[4096]; frame[0] = above[0]; return deep(frame) + frame[0]; }
void counter_add(struct counter *c, int64_t n)
{
    (void)deep;
$2
    pthread_mutex_lock(&c->lock);
    c->value += n;
    pthread_mutex_unlock(&c->lock);
}
void counter_increment(struct counter *c) { counter_add(c, 1); }
int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t n = c->value;
    pthread_mutex_unlock(&c->lock);
    return n;
}
int64_t counter_count(counter_predicate *p, int64_t n, unsigned threads)
{
    int64_t count = 0;
    (void)threads;
    for (int64_t i = 0; i < n; i++)
        count += p(i);
    return count;
}
EOF
}

# alive: processes that run a program of a workspace below our TMPDIR, or stand in one.
alive() {
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null)$(readlink "$process/cwd" 2>/dev/null) in
        *"$TMPDIR"*) echo "${process#/proc/}" ;;
        esac
    done
}

# row NAME CODE TEXT ARGUMENTS...: runs the grader with ARGUMENTS; its exit status is CODE, its output holds TEXT (a basic
# regular expression, case ignored), and nothing is left.
row() {
    local name=$1 code=$2 text=$3
    shift 3
    timeout 120 $run "$grader" "$@" >"$scratch/out" 2>&1 </dev/null
    got=$?
    if [ $got -ne "$code" ]; then
        fail "$name" "exit status $got, not $code: $(head -c 1500 "$scratch/out")"
    elif ! tr '\n' ' ' <"$scratch/out" | sed 's/   */ /g' | grep -qi -- "$text"; then
        fail "$name" "does not say '$text': $(head -c 1500 "$scratch/out")"
    elif [ "$(wc -c <"$scratch/out")" -gt 20000 ]; then
        fail "$name" "prints $(wc -c <"$scratch/out") bytes"
    elif [ -n "$(ls -A "$TMPDIR")" ]; then
        fail "$name" "leaves $(ls -A "$TMPDIR")"
        rm -rf "${TMPDIR:?}"/*
    elif [ -n "$(alive)" ]; then
        fail "$name" "leaves processes $(alive | tr '\n' ' ')"
    else
        pass "$name"
    fi
}

# misbehaves NAME TEXT LINES [KIT]: a hand-in that is graded (exit 0), with TEXT in the report. One test shows it. The lab allows
# all calls here: what stands behind the gate is tested.
misbehaves() {
    counter "$1" "$3"
    LOCKSTEP_ROOT=$scratch/${4:-open} row "$1" 0 "$2" grade lab01 "$scratch/in/$1.c" --test counts_on_one_thread
}

mkdir "$scratch/open" && cp -r labs harness "$scratch/open/"
sed -i '/^symbols:/d' "$scratch/open/labs/lab01_counter/lab.yaml"
cp -r "$scratch/open" "$scratch/hasty" # for what never ends
sed -i 's/test_seconds: 10/test_seconds: 3/' "$scratch/hasty/labs/lab01_counter/lab.yaml"
run=
in=$scratch/in
counter good ''

# files
row "missing file" 2 "cannot read '.*no-such.c': No such file" grade lab01 "$in/no-such.c"
mkdir "$in/empty-dir"
row "directory without the file" 2 "cannot read '.*empty-dir/counter.c'" grade lab01 "$in/empty-dir"
mkdir "$in/dir" && cp "$in/good.c" "$in/dir/counter.c"
row "directory with the file" 0 "PASSED" grade lab01 "$in/dir" --only build
mkfifo "$in/fifo.c"
row "a pipe for a file" 2 "is not a file" grade lab01 "$in/fifo.c"
: >"$in/empty.c"
row "empty file" 0 "FAILED.*The file is empty" grade lab01 "$in/empty.c"
printf '\177ELF\0\0\0\1\2\3' >"$in/binary.c"
row "binary file" 0 "FAILED.*binary" grade lab01 "$in/binary.c"
truncate -s 100M "$in/huge.c"
row "100 MB" 0 "FAILED.*larger than 1 MiB" grade lab01 "$in/huge.c"
rm "$in/huge.c"
{ printf '/* \xb0\xa1\xb3\xaa EUC-KR \xff */\n' && cat "$in/good.c"; } >"$in/euckr.c"
row "a comment that is not UTF-8" 0 "PASSED.*tests pass" grade lab01 "$in/euckr.c" --test counts_on_one_thread
{ cat "$in/good.c" && printf 'int \xff\xfe = \033[31m;\n'; } >"$in/garbage.c"
row "bytes that are not UTF-8 in code" 0 "FAILED.*The compiler refuses" grade lab01 "$in/garbage.c"
if LC_ALL=C grep -q "$(printf '[\377\033]')" "$scratch/out"; then
    fail "no raw bytes reach the report" "they do"
else
    pass "no raw bytes reach the report"
fi
if [ "$(id -u)" -eq 0 ]; then
    chmod 000 "$in/good.c" && chmod 711 "$scratch" && chmod 777 "$TMPDIR"
    run="setpriv --reuid=65534 --regid=65534 --clear-groups"
    if $run test -x "$grader"; then
        row "unreadable file" 2 "cannot read '.*good.c': Permission denied" grade lab01 "$in/good.c"
    else
        pass "unreadable file (not tried: another user cannot reach this folder)"
    fi
    run=
    chmod 644 "$in/good.c"
else
    chmod 000 "$in/good.c"
    row "unreadable file" 2 "cannot read '.*good.c': Permission denied" grade lab01 "$in/good.c"
    chmod 644 "$in/good.c"
fi
cp "$in/good.c" "$in/it's a; \$(touch x) \"file\".c"
row "a file name with quotes and dollars" 0 "tests pass" grade lab01 "$in/it's a; \$(touch x) \"file\".c" --test counts_on_one_thread

ln -s /etc/hostname "$in/link.c"
row "a link to another folder" 0 "FAILED.*symbolic link" grade lab01 "$in/link.c" --only build
ln -s good.c "$in/alias.c"
row "a link within its folder" 0 "PASSED" grade lab01 "$in/alias.c" --only build

# what does not build
counter compile-error '    int x = ;'
row "compile error" 0 "FAILED.*compile-error.c:23.*int x = ;" grade lab01 "$in/compile-error.c"
counter link-error '    int missing_function(void); missing_function();'
row "link error" 0 "FAILED.*missing_function' is called but defined nowhere.*link-error.c:23" grade lab01 "$in/link-error.c"
sed 's/^void counter_increment/static void unused_increment/' "$in/good.c" >"$in/missing.c"
row "a function not defined" 0 "FAILED.*counter_increment is not defined" grade lab01 "$in/missing.c"
{ cat "$in/good.c" && echo 'int main(void) { return 0; }'; } >"$in/main.c"
row "a hand-in with main" 0 "FAILED.*defines main()" grade lab01 "$in/main.c"

# what misbehaves
misbehaves "endless loop" "hangs: it was still running.*counter_add at counter.c:23" '    for (volatile int i = 1; i;) ;' hasty
misbehaves "fork without end" "more processes alive at once than it may (limit: 64, used: more than 64, stage: tests)" '    for (const time_t end = time(NULL) + 3; time(NULL) < end;) { alarm(20); fork(); }'
misbehaves "10 GB allocation" "SIGSEGV" '    char *p = malloc((size_t)10 << 30); memset(p, 1, (size_t)10 << 30);'
misbehaves "1 GB printed" "printed more than" '    for (int i = 0; i < 1 << 24; i++) puts("0123456789012345678901234567890123456789012345678901234567890123");'
misbehaves "segfault" "CRASHED.*SIGSEGV.*line 23" '    *(volatile int *)8 = 1;'
misbehaves "abort" "CRASHED.*SIGABRT" '    abort();'
misbehaves "stack overflow" "CRASHED.*SIGSEGV" '    char frame = 0; deep(&frame);'
misbehaves "reads stdin" "PASSED" '    int ch = getchar(); if (ch != EOF) c->value += 1;'
misbehaves "deletes its working directory" "of 1 tests pass" '    if (system("rm -rf \"$PWD\"") != 0) return;'
misbehaves "exit(0) in a function" "ended the whole program" '    exit(0);'
misbehaves "_exit(0) in a function" "ended the whole program" '    _exit(0);'
misbehaves "a daemon left behind" "of 1 tests pass" '    if (fork() == 0) { setsid(); if (fork() == 0) { alarm(60); for (;;) pause(); } _exit(0); }'
misbehaves "a child that hangs" "hangs: it was still running" '    pid_t p = fork(); if (p == 0) { alarm(60); for (;;) pause(); } waitpid(p, NULL, 0);' hasty
misbehaves "escape sequences printed" "your program printed.*red" '    printf("\\033[31mred\\n"); fflush(stdout); c->value += 1;'

# calls and manifests
row "unknown lab" 2 "unknown lab 'lab99'" grade lab99
row "unknown command" 2 "unknown command 'grde'" grde lab01
row "unknown option" 2 "unrecognized option '--sed' grader: \`grader grade --help\` lists the options *$" grade lab01 --sed 7
row "the options of grade" 0 "usage: grader grade .* --seed N" grade --help
row "the options of grade, a lab named" 0 "usage: grader grade .* --seed N" grade lab01 -h
for command in explain watch batch regrade adjust history export report list doctor; do
    row "the options of $command" 0 "^usage: grader $command .*$" $command lab01 --help
done
row "--help as an option's value" 2 "cannot open the gradebook" adjust "$in/none.db" --student s1 --points +1 --comment --help
row "unknown stage" 2 "the stages are build" grade lab01 --only biuld
row "unknown test" 2 "has no test 'nosuch'" grade lab01 --test nosuch
row "a seed that is no number" 2 "not a number" grade lab01 --seed seven
row "--require not reached" 1 "score" grade lab01 "$in/empty.c" --require 50
row "--require reached" 0 "score" grade lab01 "$in/good.c" --only build --require 10
cat >"$in/cancel.c" <<EOF
#include <pthread.h>
int main(void) { return pthread_cancel(pthread_self()); }
EOF
row "explore: no file" 2 "usage: grader explore" explore
row "explore: a file that is not there" 2 "no-such.c: No such file" explore "$in/no-such.c"
row "explore: a file that does not compile" 2 "error" explore "$in/garbage.c"
row "explore: what is not modelled" 3 "unsupported: pthread_cancel" explore "$in/cancel.c"
row "explore: a token that is none" 2 "is not a schedule" explore --replay '%%' harness/explore/tests/right/buffer.c
row "explore: no number" 2 "'few' is nothing this option can take" explore --schedules few "$in/cancel.c"
row "explore: unknown lab" 2 "unknown lab 'lab99'" explore --lab lab99
row "explore: an empty hand-in" 2 "The file is empty" explore --lab lab01 "$in/empty.c"
row "JSON into a folder that is not there" 3 "cannot write '.*report.json'" grade lab01 "$in/empty.c" --json "$scratch/none/report.json"
mkdir "$scratch/kit" && cp -r labs harness "$scratch/kit/"
echo 'colour: blue' >>"$scratch/kit/labs/lab01_counter/lab.yaml"
LOCKSTEP_ROOT=$scratch/kit row "broken manifest" 2 "lab.yaml:[0-9]*: unknown key 'colour'" grade lab01 "$in/good.c"

# machines
mkdir "$scratch/bin"
for tool in $(ls /usr/bin /bin /usr/local/bin 2>/dev/null | sort -u); do
    case $tool in
    valgrind*) ;;
    *) ln -sf "$(command -v "$tool")" "$scratch/bin/$tool" 2>/dev/null ;;
    esac
done
run="env PATH=$scratch/bin"
rm "$scratch/bin/bwrap"
row "no bubblewrap" 0 "PASSED.*ran without a sandbox.*bubblewrap is not installed" grade lab01 "$in/good.c" --only build
ln -s "$(command -v bwrap)" "$scratch/bin/bwrap"
row "no valgrind" 0 "NOT_RUN.*valgrind is not installed" grade lab01 "$in/good.c" --only races
run=
row "no sandbox wanted" 0 "tests pass.*ran without a sandbox.*--no-sandbox" grade lab01 "$in/good.c" --test counts_on_one_thread --no-sandbox
run="taskset -c $(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')"
row "one core only" 0 "one core: nothing can run faster" grade lab01 "$in/good.c" --only speedup
run=
if unshare -m true 2>/dev/null; then
    # The workspace is on a file system that has no room left for what the compiler writes.
    row_full_disk() {
        timeout 120 unshare -m sh -c 'mount -t tmpfs -o size=200k none "$1" && TMPDIR=$1 "$2" grade lab01 "$3"; code=$?; ls -A "$1"; exit $code' \
            _ "$TMPDIR" "$grader" "$in/good.c" >"$scratch/out" 2>&1
        [ $? -eq 3 ] && grep -qi 'disk full\|No space left' "$scratch/out" && ! grep -q '^lockstep-' "$scratch/out"
    }
    check "full disk" row_full_disk
else
    pass "full disk (not tried: no file system may be mounted here)"
fi

# interrupt TEXT SIGNAL: the grader gets SIGNAL in the middle of a test that hangs.
interrupt() {
    "$grader" grade lab01 "$in/endless loop.c" >"$scratch/out" 2>&1 &
    pid=$!
    for _ in $(seq 100); do
        [ -n "$(find "$TMPDIR" -name '*.receipt' 2>/dev/null)" ] && break
        sleep 0.1
    done
    sleep 0.3
    kill -"$1" "$pid"
    wait "$pid"
    [ $? -eq 130 ] && [ -z "$(ls -A "$TMPDIR")" ] && [ -z "$(alive)" ]
}
# sockets: those that test runners which are gone have left behind since this script began.
no_sockets() {
    for socket in $(find /tmp -maxdepth 1 -name 'criterion_*.sock' -newer "$in/good.c"); do
        pid=${socket#*_}
        kill -0 "${pid%.sock}" 2>/dev/null || { sleep 1; [ ! -e "$socket" ] || { echo "$socket"; return 1; }; }
    done
}
check "Ctrl-C in the middle" interrupt INT
check "SIGTERM in the middle" interrupt TERM
check "no socket of a test runner is left" no_sockets
finish
