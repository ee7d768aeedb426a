#!/bin/bash
# batch.sh: a class of 40 graded at once, and everything that may happen to it: kills, full disks, two batches, faults of
# ours, regrades, exports. The jobs are stubs (batch_stub.sh) but for one real one at the end.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
export TMPDIR=$scratch/tmp
mkdir "$TMPDIR"
export LOCKSTEP_BATCH_JOB=$PWD/grader/tests/batch_stub.sh
class=$scratch/class
grader/tests/class.sh lab01 "$class" stub

# batch GRADEBOOK SUBMISSIONS [OPTION...]: one batch of lab01; output in $scratch/out, exit status its own.
batch() {
    local book=$1 submissions=$2
    shift 2
    timeout 120 "$grader" batch lab01 --submissions "$submissions" --gradebook "$book" --unsafe-no-sandbox "$@" \
        >"$scratch/out" 2>&1
}

# sql GRADEBOOK QUERY
sql() {
    sqlite3 "$1" "$2"
}

# expect CODE TEXT COMMAND...: the command ends with CODE, and what it prints, or $scratch/out, holds TEXT.
expect() {
    local code=$1 text=$2 got
    shift 2
    if [ "$1" = batch ]; then
        "$@"
        got=$?
        cp "$scratch/out" "$scratch/said"
    else
        timeout 120 "$@" >"$scratch/said" 2>&1
        got=$?
    fi
    [ $got -eq "$code" ] && grep -q -- "$text" "$scratch/said" && return 0
    echo "exit status $got, not $code, or no '$text':"
    cat "$scratch/said"
    return 1
}

# marks GRADEBOOK: all that must not depend on what happened on the way. marks: what students have; results: that none is
# lost, none twice, none half.
marks() {
    sql "$1" "SELECT key, path, hash, attempt, late, score, points, final, state, twins, report FROM mark ORDER BY key"
    sql "$1" "SELECT hash, count(*), min(score), min(json_extract(report, '$.score')) FROM result GROUP BY hash ORDER BY hash"
    sql "$1" "SELECT h.path, count(*), min(r.score) FROM history c JOIN handin h ON h.id = c.handin JOIN result r ON r.id = c.result GROUP BY h.path ORDER BY h.path"
    sql "$1" "SELECT state, count(*) FROM job GROUP BY state"
    sql "$1" "SELECT path, why, refused FROM aside ORDER BY path"
    sql "$1" "PRAGMA integrity_check; PRAGMA foreign_key_check"
}

# same_marks GRADEBOOK: as in the undisturbed one.
same_marks() {
    marks "$1" >"$scratch/marks" && diff "$scratch/undisturbed" "$scratch/marks"
}

# ---- intake ----

mkdir "$scratch/tools" # a PATH without bubblewrap
ln -s "$(command -v gcc)" "$scratch/tools/gcc"
check "a batch is refused where nothing confines hand-ins" \
    expect 2 'confines' env PATH="$scratch/tools" "$grader" batch lab01 --submissions "$class" --gradebook "$scratch/none.sqlite"
batch "$scratch/whole.sqlite" "$class"
check "a class of 40 is graded" test $? -eq 0
cp "$scratch/out" "$scratch/first"
says() { grep -qF -- "$1" "$scratch/first" || { cat "$scratch/first"; return 1; }; }
check "all hand-ins are found" says '41 hand-ins of 40 students'
check "a hostile archive is refused by name" says "refused  eve_1099_60000_evil.tar.gz: '../counter.c' in it leads out"
check "a file nobody can place is listed" says 'aside    counter.c: it does not say whose it is'
check "what is no source is listed" says 'smithanna_1014_50099_note.txt: not C source'
check "identical hand-ins are graded once" says '37 to grade (for 41 hand-ins: identical ones are graded once)'
check "a line for each that is done" says '37/37  '
check "twins have each other's mark" test "$(sql "$scratch/whole.sqlite" "SELECT count(DISTINCT final), count(*), min(twins) FROM mark WHERE key IN (1020, 1021, 1022)")" = '1|3|2'
check "the later attempt counts" test "$(sql "$scratch/whole.sqlite" "SELECT path FROM mark WHERE key = 1009")" = 'łukaszkowal_1009_50064_counter-1.c'
check "Canvas's mark of lateness" test "$(sql "$scratch/whole.sqlite" "SELECT group_concat(key) FROM (SELECT key FROM mark WHERE late ORDER BY key)")" = 1003,1017
check "nothing is left behind" test -z "$(ls -A "$TMPDIR")"
marks "$scratch/whole.sqlite" >"$scratch/undisturbed"
check "the undisturbed gradebook is whole" grep -qx ok "$scratch/undisturbed"
check "the same words again: nothing to do" expect 0 '0 to grade' batch "$scratch/whole.sqlite" "$class"
check "and nothing has changed" same_marks "$scratch/whole.sqlite"

[ "$BUILD" != build ] || check "make batch" expect 0 '41 hand-ins of 40 students' \
    make -s batch LAB=lab01 SUBMISSIONS="$class" GRADEBOOK="$scratch/made.sqlite" JOBS=2 UNSAFE=1 DEPS=skip

(cd "$class" && tar -czf "$scratch/class.tar.gz" .)
check "the download as one archive" expect 0 '41 hand-ins of 40 students' batch "$scratch/archive.sqlite" "$scratch/class.tar.gz"
check "earns the same" same_marks "$scratch/archive.sqlite"

moodle=$scratch/moodle
mkdir -p "$moodle/Kim Minsu_501_assignsubmission_file_" "$moodle/Kim Minsu_502_assignsubmission_file_" \
    "$moodle/Zoë \"Z\" O'Neil_503_assignsubmission_onlinetext_" "$moodle/김 민수_504_assignsubmission_file_/src" "$moodle/clone one/labs/lab01_counter" \
    "$moodle/clone one/solutions/lab01_counter"
echo 'int m1;' >"$moodle/Kim Minsu_501_assignsubmission_file_/counter.c"
echo 'int m2;' >"$moodle/Kim Minsu_502_assignsubmission_file_/counter.c"
echo 'text' >"$moodle/Zoë \"Z\" O'Neil_503_assignsubmission_onlinetext_/onlinetext.html"
echo 'int m4;' >"$moodle/김 민수_504_assignsubmission_file_/src/counter.c"
echo 'int helper;' >"$moodle/김 민수_504_assignsubmission_file_/src/helper.c"
echo 'int m5;' >"$moodle/Park, J_505_assignsubmission_file_counter.c"
echo 'int clone;' >"$moodle/clone one/labs/lab01_counter/counter.c"
echo 'int solution;' >"$moodle/clone one/solutions/lab01_counter/counter.c"
mkdir "$moodle/two files" && echo 'int x;' >"$moodle/two files/x.c" && echo 'int y;' >"$moodle/two files/y.c"
ln -s /etc/passwd "$moodle/link.c"
printf 'id,login,name\n2026-1,minsu,"김민수"\n2026-2,park,"J Park"\n2026-3,lost,Lost Student\n' >"$scratch/roster.csv"
batch "$scratch/moodle.sqlite" "$moodle" --roster "$scratch/roster.csv"
check "a Moodle download, a clone and folders" test $? -eq 0
cp "$scratch/out" "$scratch/first"
check "namesakes stay two" test "$(sql "$scratch/moodle.sqlite" "SELECT count(*), count(DISTINCT student), count(DISTINCT hash) FROM mark WHERE name = 'Kim Minsu'")" = '2|2|2'
check "the roster finds people by name" test "$(sql "$scratch/moodle.sqlite" "SELECT group_concat(key) FROM (SELECT key FROM mark WHERE roster_id IS NOT NULL ORDER BY key)")" = 2026-1,2026-2
check "who handed in nothing is listed" says 'Lost Student (2026-3) is in the roster and handed in nothing'
check "who is not in the roster is listed" says 'Kim Minsu (Kim Minsu) handed in and is not in the roster'
check "online text is listed" says 'onlinetext.html: not C source'
check "a clone is its own lab, not the reference solution" test "$(sql "$scratch/moodle.sqlite" "SELECT cast(c.bytes AS TEXT) FROM mark m JOIN content c ON c.hash = m.hash WHERE m.key = 'clone one'")" = 'int clone;'
check "of several files the one with the lab's name counts" says 'helper.c: another file of the same hand-in counts'
check "several files without it are not guessed at" says 'refused  two files/x.c: one of several C files, none called counter.c'
check "a link is not followed" says 'link.c: a symbolic link'
check "the same with a roster that names both namesakes once" expect 0 'Kim Minsu (2026-4) is in the roster and handed in nothing' \
    batch "$scratch/moodle2.sqlite" "$moodle" --roster <(cat "$scratch/roster.csv"; echo '2026-4,kim,Kim Minsu')
check "neither of them gets its row" test "$(sql "$scratch/moodle2.sqlite" "SELECT count(DISTINCT student), count(roster_id) FROM mark WHERE name = 'Kim Minsu'")" = '2|0'
batch "$scratch/moodle3.sqlite" "$moodle"
"$grader" adjust "$scratch/moodle3.sqlite" --student 'Park, J' --points +1 >/dev/null
check "a roster that comes later" expect 0 ' 0 to grade' batch "$scratch/moodle3.sqlite" "$moodle" --roster "$scratch/roster.csv"
check "finds people, too, with all they have" test "$(sql "$scratch/moodle3.sqlite" "SELECT group_concat(key), sum(adjusted = 'add') FROM (SELECT * FROM mark WHERE roster_id IS NOT NULL ORDER BY key)")" = '2026-1,2026-2|1'
check "no download" expect 3 'cannot read' batch "$scratch/no.sqlite" "$scratch/no-such-folder"
check "a roster that is none" expect 3 'no roster' batch "$scratch/no.sqlite" "$class" --roster "$class/counter.c"
check "a broken due time" expect 2 'nothing that option' batch "$scratch/no.sqlite" "$class" --due tomorrow

# ---- late, best ----

late=$scratch/late
mkdir "$late"
echo 'int a;' >"$late/early.c" && touch -d 2026-12-01T14:58Z "$late/early.c"
echo 'int b;' >"$late/late.c" && touch -d 2026-12-03T14:58Z "$late/late.c"
check "a due time" expect 0 '2 hand-ins' batch "$scratch/late.sqlite" "$late" --due 2026-12-01T23:59+09:00 --late 10%/day
check "two days late cost 20 %" test "$(sql "$scratch/late.sqlite" "SELECT key, penalty, final = round(score * 0.8, 2) FROM mark WHERE key = 'late'")" = 'late|20.0|1'
check "in time costs nothing" test "$(sql "$scratch/late.sqlite" "SELECT penalty, final = score FROM mark WHERE key = 'early'")" = '0.0|1'
check "the best one counts" expect 0 '41 hand-ins' batch "$scratch/best.sqlite" "$class" --pick best
check "whichever came first" test "$(sql "$scratch/best.sqlite" "SELECT final = (SELECT max(points) FROM graded WHERE student = m.student) FROM mark m WHERE key = 1009")" = 1

# ---- kill -9 ----

left() { sql "$scratch/killed.sqlite" "SELECT 37 - count(*) FROM result" 2>/dev/null || echo 37; }

# A batch that is not over before something happens to it: its first job lasts until release.
cat >"$scratch/held_job" <<EOF
#!/bin/sh
mkdir "$scratch/first" 2>/dev/null && while [ -e "$scratch/held" ]; do sleep 0.02; done
exec "$LOCKSTEP_BATCH_JOB" "\$@"
EOF
chmod +x "$scratch/held_job"

# begin COMMAND...: starts it, as process $pid, which says into $scratch/out what it does. That file is empty before: what
# an earlier batch said must not pass for this one's.
begin() {
    rm -rf "$scratch/first"
    : >"$scratch/held"
    : >"$scratch/out"
    LOCKSTEP_BATCH_JOB=$scratch/held_job "$grader" "$@" --unsafe-no-sandbox --jobs 2 >"$scratch/out" 2>&1 &
    pid=$!
}
release() { rm "$scratch/held"; }

# first_result: waits until the first hand-in is done, 20 s at most.
first_result() {
    for _ in $(seq 1000); do
        grep -q '^[0-9]*/' "$scratch/out" && break
        sleep 0.02
    done
}

# One kill at a random moment: every other one soon after the start, the rest while results come in, as long as there are
# enough left to come.
kill_once() {
    local pid way=$1 soon=150
    [ "$(left)" -gt 14 ] || soon=60
    begin batch lab01 --submissions "$class" --gradebook "$scratch/killed.sqlite"
    if [ $((way % 2)) -eq 0 ] && [ $soon -eq 150 ]; then
        first_result
        sleep "0.$(printf '%03d' $((RANDOM % 100)))"
    else
        sleep "0.$(printf '%03d' $((RANDOM % soon)))"
    fi
    kill -9 $pid 2>/dev/null || return 1
    wait $pid 2>/dev/null
    [ $? -eq 137 ]
}
kills=0
RANDOM=$$
for way in $(seq 25); do
    kill_once "$way" && kills=$((kills + 1))
done
check "25 kills hit a working batch" test $kills -eq 25
echo "      ($(left) of 37 jobs were left after the kills)"
check "some of them while results came in" test "$(left)" -lt 30
sleep 0.5
check "started again it goes on to the end" expect 0 'to grade' batch "$scratch/killed.sqlite" "$class"
check "and the gradebook is the undisturbed one" same_marks "$scratch/killed.sqlite"
check "what killed batches left is cleared away" test -z "$(ls -A "$TMPDIR")"

# ---- the progress ----

on_terminal() {
    script -qec "stty cols 100; '$grader' batch lab01 --submissions '$class' --gradebook '$scratch/tty.sqlite' --unsafe-no-sandbox" /dev/null \
        </dev/null >"$scratch/tty" 2>&1
    tr '\r' '\n' <"$scratch/tty" | grep -q '\[#*\.*\] [0-9]*/37, [0-9.]* a minute, [0-9a-z ]* left; now .' &&
        ! grep -q '^37/37' "$scratch/tty"
}
export -f on_terminal
export scratch grader class
check "on a terminal: a bar, done of total, rate, time left, who is being graded" env TERM=xterm bash -c on_terminal

# ---- Ctrl-C, two at once ----

# hit SIGNAL COMMAND...: a batch gets SIGNAL after its first result.
hit() {
    local pid signal=$1
    shift
    begin "$@"
    first_result
    kill -"$signal" $pid
    wait $pid 2>/dev/null
}

interrupt() {
    hit INT batch lab01 --submissions "$class" --gradebook "$scratch/int.sqlite"
    local code=$?
    [ $code -eq 130 ] && grep -q 'start again' "$scratch/out" && [ -z "$(ls -A "$TMPDIR")" ] && return 0
    echo "exit status $code:"
    cat "$scratch/out"
    ls -A "$TMPDIR"
    return 1
}
check "Ctrl-C ends it, with 130 and nothing left behind" interrupt
check "it goes on after Ctrl-C" expect 0 'graded' batch "$scratch/int.sqlite" "$class"
check "with the same marks" same_marks "$scratch/int.sqlite"

two() {
    local pid second=0
    begin batch lab01 --submissions "$class" --gradebook "$scratch/two.sqlite"
    first_result
    expect 0 'no mark yet\|lab01' "$grader" adjust "$scratch/two.sqlite" --student 1001 --points none || second=1
    "$grader" regrade "$scratch/two.sqlite" --unsafe-no-sandbox >"$scratch/third" 2>&1 &
    local third=$!
    expect 3 'another batch works on' batch "$scratch/two.sqlite" "$class" || second=1
    wait $third
    [ $? -eq 3 ] && grep -q 'another batch works on' "$scratch/third" || second=1
    release
    wait $pid && [ $second -eq 0 ]
}
check "a second batch on the same gradebook is refused; adjusting meanwhile works" two
check "the first is not disturbed" same_marks "$scratch/two.sqlite"

# ---- full disk ----

# The gradebook's file system has room for the intake and a few results; then it grows, as when somebody tidies up.
full_disk() {
    mount -t tmpfs -o size=320k none "$scratch/small" || return 9
    batch "$scratch/small/c.sqlite" "$class"
    local code=$?
    grep -q 'full' "$scratch/out" && [ $code -eq 3 ] || { echo "exit status $code"; cat "$scratch/out"; return 1; }
    sql "$scratch/small/c.sqlite" "SELECT count(*) || ' results fitted' FROM result"
    mount -o remount,size=16m "$scratch/small" || return 9
    batch "$scratch/small/c.sqlite" "$class" && same_marks "$scratch/small/c.sqlite"
}
mkdir "$scratch/small"
if unshare -m true 2>/dev/null; then
    export -f full_disk batch sql marks same_marks
    export scratch grader class
    check "a full disk: clear words, exit 3, and on it goes afterwards" unshare -m bash -c full_disk
else
    pass "a full disk (not tried: no file system may be mounted here)"
fi

# ---- faults of ours ----

faults=$scratch/faults
mkdir "$faults"
echo '/* stub-error */' >"$faults/always.c"
echo '/* stub-error-once */' >"$faults/once.c"
echo '/* stub-crash */' >"$faults/crash.c"
echo 'int fine;' >"$faults/fine.c"
export LOCKSTEP_BATCH_STUB=$scratch/stub.log
: >"$LOCKSTEP_BATCH_STUB"
check "GRADER_ERROR ends with exit 3" expect 3 'not graded, by no fault of the student' batch "$scratch/faults.sqlite" "$faults"
check "it was tried twice" test "$(grep -c "^$(cksum <"$faults/always.c" | cut -d' ' -f1)\$" "$LOCKSTEP_BATCH_STUB")" -eq 2
check "what works the second time is graded" test "$(sql "$scratch/faults.sqlite" "SELECT count(*) FROM mark WHERE key IN ('once', 'fine') AND final IS NOT NULL")" -eq 2
check "no report is our fault, too" grep -q 'crash (crash): grading exited with status 1' "$scratch/out"
check "none of it is exported as zero" expect 3 'by our fault' "$grader" export "$scratch/faults.sqlite" --format csv --into "$scratch/faults.csv"
check "its cells are empty" grep -q '^lab01_counter,always,always,,,error,,,no,0,,,,' "$scratch/faults.csv"
rm "$faults/once.c"
printf 'Identifier,Full name,Grade\n,always,\n,fine,\n' >"$scratch/faults-moodle.csv"
check "nor into Moodle" expect 3 'always (always) could not be graded by our fault' "$grader" export "$scratch/faults.sqlite" --format moodle --into "$scratch/faults-moodle.csv"
check "where the cell stays as it was" grep -qx ',always,' "$scratch/faults-moodle.csv"
check "started again failures are tried again" expect 3 '2 to grade' batch "$scratch/faults.sqlite" "$faults"
unset LOCKSTEP_BATCH_STUB

# ---- adjust, regrade, history ----

book=$scratch/whole.sqlite
earned=$(sql "$book" "SELECT final FROM mark WHERE key = 1001")
check "an adjustment" expect 0 '이지원 (1001)' "$grader" adjust "$book" --student 이지원 --points +5.5 --comment 'spoken exam; "good"' --by ann
check "adds to the mark" test "$(sql "$book" "SELECT final - 5.5 = $earned FROM mark WHERE key = 1001")" = 1
check "a mark that is set" expect 0 ': 77' "$grader" adjust "$book" --student 1002 --points =77
check "nobody of that name" expect 2 'no student' "$grader" adjust "$book" --student nobody --points +1
check "points that are none" expect 2 'usage' "$grader" adjust "$book" --student 1002 --points 5
check "a regrade" expect 0 '37 graded' "$grader" regrade "$book" --unsafe-no-sandbox
check "keeps adjustments" test "$(sql "$book" "SELECT final - 5.5 = $earned, comment FROM mark WHERE key = 1001")" = '1|spoken exam; "good"'
check "keeps what was before" test "$(sql "$book" "SELECT count(*), count(DISTINCT c.result) FROM history c JOIN handin h ON h.id = c.handin WHERE h.path LIKE '%_1001_%'")" = '2|2'
check "history tells" expect 0 'adjusted +5.5 by ann' "$grader" history "$book" --student 1001
check "nothing has changed: nothing to regrade" expect 0 ' 0 to grade' "$grader" regrade "$book" --only-changed --unsafe-no-sandbox
check "one student" expect 0 '1 graded' "$grader" regrade "$book" --student 1004 --unsafe-no-sandbox
check "another seed is another result" expect 0 '37 to grade' "$grader" regrade "$book" --only-changed --seed 2 --unsafe-no-sandbox
check "a lab that is not there" expect 2 'no lab' "$grader" regrade "$book" --lab lab09 --unsafe-no-sandbox
check "no gradebook" expect 2 'cannot open' "$grader" regrade "$scratch/nowhere.sqlite" --unsafe-no-sandbox
check "a file that is no gradebook" expect 2 'cannot open' "$grader" history README.md

# An interrupted regrade is not begun again.
killed_regrade() {
    hit KILL regrade "$scratch/killed.sqlite"
    sleep 0.3
    expect 0 'an interrupted regrade goes on' "$grader" regrade "$scratch/killed.sqlite" --unsafe-no-sandbox &&
        [ "$(sql "$scratch/killed.sqlite" "SELECT min(n), max(n) FROM (SELECT count(*) AS n FROM result GROUP BY hash)")" = '2|2' ]
}
check "a killed regrade goes on, none twice" killed_regrade

# ---- export ----

check "CSV" "$grader" export "$book" --format csv --into "$scratch/marks.csv"
check "a row for each student" test "$(wc -l <"$scratch/marks.csv")" -eq 41
check "quotes doubled, lines ended as RFC 4180 says" grep -q "\"spoken exam; \"\"good\"\"\"$(printf '\r')\$" "$scratch/marks.csv"
check "JSON" "$grader" export "$book" --format json --into "$scratch/marks.json"
check "says the same" test "$(sqlite3 :memory: "SELECT json_array_length(readfile('$scratch/marks.json'), '$.marks')")" -eq 40

mark_of() { sql "$book" "SELECT printf('%g', final) FROM mark WHERE key = $1"; }
printf '\xef\xbb\xbfStudent,ID,SIS User ID,SIS Login ID,Section,lab01 counter (4711),"Final, all"\r\n"    Points Possible",,,,,100,"(read only)"\r\n"이지원",1001,s1,,A,,\r\n"Park, ""PJ"" 서준",1002,s2,,A,"12",9\r\nNobody,9999,s9,,B,3,\r\nkimminsu,,,,A,,' >"$scratch/canvas.csv"
cp "$scratch/canvas.csv" "$scratch/canvas-before.csv"
check "Canvas, with rows that fit nobody listed" expect 1 "row 'Nobody' has no hand-in" "$grader" export "$book" --format canvas --into "$scratch/canvas.csv"
printf '\xef\xbb\xbfStudent,ID,SIS User ID,SIS Login ID,Section,lab01 counter (4711),"Final, all"\r\n"    Points Possible",,,,,100,"(read only)"\r\n"이지원",1001,s1,,A,%s,\r\n"Park, ""PJ"" 서준",1002,s2,,A,"77",9\r\nNobody,9999,s9,,B,3,\r\nkimminsu,,,,A,%s,' "$(mark_of 1001)" "$(mark_of 1011)" >"$scratch/canvas-wanted.csv"
check "Canvas's file is changed in those cells only" cmp "$scratch/canvas.csv" "$scratch/canvas-wanted.csv"
check "and kept as it was beside" cmp "$scratch/canvas.csv~" "$scratch/canvas-before.csv"
check "students without a row are listed" grep -q 'has no row in the file' "$scratch/said"
check "a second export changes nothing" sh -c "'$grader' export '$book' --format canvas --into '$scratch/canvas.csv' >/dev/null 2>&1; cmp '$scratch/canvas.csv' '$scratch/canvas-wanted.csv'"
printf 'Student,ID,lab01 a (1),lab01 b (2)\n' >"$scratch/two-columns.csv"
check "two columns for one lab" expect 2 'more than one column' "$grader" export "$book" --format canvas --into "$scratch/two-columns.csv"
check "no column" expect 2 'no column' "$grader" export "$book" --format canvas --into "$scratch/two-columns.csv" --column lab07
check "one of them named" expect 1 'no row' "$grader" export "$book" --format canvas --into "$scratch/two-columns.csv" --column '(2)'

book=$scratch/late.sqlite
printf '\xef\xbb\xbfKennung;"Vollständiger Name";Status;Bewertung;Bestwertung;"Feedback als Kommentar"\n"Teilnehmer/in77";"Late";"ok; zu spät";"-";"100,00";""\n"Teilnehmer/in78";"EARLY";ok;;"100,00";\n' >"$scratch/moodle.csv"
check "Moodle, German: ; and decimal commas" "$grader" export "$book" --format moodle --into "$scratch/moodle.csv"
comma=$(sql "$book" "SELECT replace(printf('%g', final), '.', ',') FROM mark WHERE key = 'late'")
check "the grade has the file's comma and quotes" grep -q "^\"Teilnehmer/in77\";\"Late\";\"ok; zu spät\";\"$comma\";\"100,00\";\".*Late: 20 % off" "$scratch/moodle.csv"
check "feedback is escaped for HTML" grep -q 'the counter says &lt;script&gt;3&lt;/script&gt;<br>' "$scratch/moodle.csv"
check "the mark of byte order stays" test "$(head -c 3 "$scratch/moodle.csv")" = "$(printf '\xef\xbb\xbf')"
printf 'Identifier,Full name,Grade\nParticipant 501,x,\nParticipant 502,x,\n,Kim Minsu,\n' >"$scratch/ambiguous.csv"
check "an ambiguous name is listed" expect 1 "row 'Kim Minsu' fits several students" "$grader" export "$scratch/moodle.sqlite" --format moodle --into "$scratch/ambiguous.csv"
check "ids decide before names" sh -c "grep -q '^Participant 501,x,[0-9]' '$scratch/ambiguous.csv' && grep -q '^Participant 502,x,[0-9]' '$scratch/ambiguous.csv'"
check "and the ambiguous row is left as it was" grep -qx ',Kim Minsu,' "$scratch/ambiguous.csv"

# ---- one real job ----

unset LOCKSTEP_BATCH_JOB
mkdir "$scratch/real" && echo 'int x = ;' >"$scratch/real/kim.c"
check "a real hand-in is graded" expect 0 '1 graded' batch "$scratch/real.sqlite" "$scratch/real"
check "its report is in the gradebook" test "$(sql "$scratch/real.sqlite" "SELECT json_extract(report, '$.stages[0].status'), score, json_extract(report, '$.file') FROM mark")" = 'FAILED|0|counter.c'
check "it leaves nothing behind" test -z "$(ls -A "$TMPDIR")"
finish
