#!/bin/bash
# Explores each small program below right/ and wrong/ twice, and compares with its first line:
#   /* expect: right | ... */  or  /* expect: KIND | ... */   (the word before the colon of the finding)
# A second line  /* shows: TEXT */  is to be found in the schedule that is printed.
# Without FILE also coverage.sh and modelled.sh. Usage: run.sh GRADER [--cc clang] [FILE...]. Prints what differs, then "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd)
grader=$1
shift
options=()
if [ "$1" = --cc ]; then
    options=(--cc "$2")
    shift 2
fi
passed=0 failed=0
if [ $# = 0 ]; then
    set -- "$here"/right/*.c "$here"/wrong/*.c
    if "$here"/coverage.sh "$grader" "${options[@]}"; then passed=1; else failed=1; fi
    if bash "$here"/modelled.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi
for file; do
    want=$(sed -n '1s,^/\* expect: \([^|]*[^| ]\) *|.*,\1,p' "$file")
    shows=$(sed -n '2s,^/\* shows: \(.*\) \*/$,\1,p' "$file")
    if [ ${#options[@]} != 0 ] && head -1 "$file" | grep -q 'gcc only'; then
        continue
    fi
    begin=$(date +%s%N)
    first=$(timeout 60 "$grader" explore "${options[@]}" --quiet "$file" 2>&1)
    status=$?
    took=$((($(date +%s%N) - begin) / 1000000))
    second=$(timeout 60 "$grader" explore "${options[@]}" --quiet "$file" 2>&1)
    token=$(sed -n 's/^schedule: //p' <<<"$first")
    replayed=
    if [ $status = 1 ]; then
        again=$(timeout 60 "$grader" explore "${options[@]}" --quiet --replay "$token" "$file" 2>&1)
        # What is replayed of a race with an effect is the effect.
        effect=$(sed -n 's/^what can come of it: //p' <<<"$first")
        [ "$(head -1 <<<"$again")" = "${effect:-$(head -1 <<<"$first")}" ] || replayed=no
    fi
    case $want in
    right) good=0 word="nothing found" ;;
    unsupported*) good=3 word=$want ;;
    *) good=1 word="$want:" ;;
    esac
    if [ "$first" != "$second" ]; then
        echo "$(basename "$file"): two runs differ"
        failed=$((failed + 1))
    elif [ "$replayed" ]; then
        echo "$(basename "$file"): the schedule $token, replayed, shows something else"
        failed=$((failed + 1))
    elif [ $status != $good ] || ! grep -qF "$word" <<<"$first"; then
        echo "$(basename "$file"): expected $want, status $good; got status $status:"
        head -12 <<<"$first" | sed 's/^/    /'
        failed=$((failed + 1))
    elif [ "$shows" ] && ! timeout 60 "$grader" explore "${options[@]}" "$file" 2>&1 | grep -qF "$shows"; then
        echo "$(basename "$file"): its schedule does not show '$shows'"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
        [ $took -le 2000 ] || echo "$(basename "$file"): took $took ms"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
