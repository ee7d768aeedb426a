#!/bin/sh
# batch_stub.sh: stands in for `grader grade LAB FILE --json OUT --seed N` where the batch itself is tested
# (LOCKSTEP_BATCH_JOB): the score follows from the file's content, and a report is written in milliseconds. A file may
# hold the words
#
#     stub-sleep=SECONDS   takes that long          stub-error        ends as GRADER_ERROR
#     stub-error-once      GRADER_ERROR at first     stub-crash        ends without a report
#
# If LOCKSTEP_BATCH_STUB names a file, a line for each job is appended to it.
lab=$2 file=$3 out=$5
sum=$(cksum <"$file")
sum=${sum%% *}
score=$((sum % 101))
if [ -n "$LOCKSTEP_BATCH_STUB" ]; then
    before=$(grep -c "^$sum\$" "$LOCKSTEP_BATCH_STUB")
    echo "$sum" >>"$LOCKSTEP_BATCH_STUB"
fi
seconds=$(sed -n 's/.*stub-sleep=\([0-9.]*\).*/\1/p' "$file")
[ -n "$seconds" ] && sleep "$seconds"
status=PASSED code=0
if grep -q 'stub-error-once' "$file"; then
    [ "${before:-0}" -eq 0 ] && status=GRADER_ERROR code=3
elif grep -q 'stub-error' "$file"; then
    status=GRADER_ERROR code=3
fi
grep -q 'stub-crash' "$file" && exit 1
tests=$((score * 45 / 100)) && races=$((score - 10 - tests))
[ "$races" -lt 0 ] && races=0 && tests=$((score > 10 ? score - 10 : 0))
build=$((score - tests - races))
finding() {
    printf '{"kind": "%s", "message": "%s", "file": "%s", "line": 1, "source": "int stub;", "detail": null, "command": "make %s FILE=%s", "cost": %d}' \
        "$1" "$2" "$file" "$lab" "$file" "$3"
}
cat >"$out" <<EOF
{"schema": "lockstep/report/1", "lab": "${lab}_stub", "title": "Stub <b>lab</b>", "file": "$file", "score": $score, "max_score": 100, "seed": 1,
 "machine": {"cores": 2, "compiler": "gcc"}, "stages": [
 {"name": "build", "status": "$status", "score": $build, "max_score": 10, "seconds": 0.1, "summary": "compiles", "findings": []},
 {"name": "tests", "status": "FAILED", "score": $tests, "max_score": 45, "seconds": 0.1, "summary": "some tests pass", "findings": [$(finding test-failed "increments_are_not_lost: expected 4, the counter says <script>3</script>" $((45 - tests)))]},
 {"name": "races", "status": "FAILED", "score": $races, "max_score": 45, "seconds": 0.1, "summary": "1 place", "findings": [$(finding data-race "two threads write at line 1" $((45 - races)))]},
 {"name": "speedup", "status": "PASSED", "score": 0, "max_score": 0, "seconds": 0.1, "summary": "count 1.$((score % 90 + 10))x on 2 cores (plain split 1.95x)", "findings": []}
 ]}
EOF
exit $code
