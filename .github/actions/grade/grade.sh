#!/bin/bash
# grade.sh: grades the hand-ins of the repository at GITHUB_WORKSPACE; called by action.yml, which explains LABS, DIRECTORY,
# REQUIRE and OVERLAY. BEFORE is the commit before the push; empty, zeros or unknown: there was none.
#
# Annotations go to stdout, the summary to GITHUB_STEP_SUMMARY, points, labs and reports to GITHUB_OUTPUT, and LAB.json,
# LAB.xml and points.json (for a badge) to the folder of the reports. Ends with 1 if a lab has fewer points than REQUIRE, and
# with 3 if the grader failed.
set -u
kit=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
reports=${RUNNER_TEMP:-/tmp}/lockstep-reports
cd "$GITHUB_WORKSPACE" || exit 3
mkdir -p "$reports" || exit 3
directory=${DIRECTORY:-.}
labs='' points=0 most=0 code=0

# notice TEXT: a line for people, in the log and among the annotations. The texts are ours.
notice() {
    echo "::notice title=Lockstep::$1"
}

# handin LAB: prints the path of its hand-in, if there is one.
handin() {
    local stem=${1#lab[0-9][0-9]_} path
    for path in "labs/$1/$stem.c" "$1/$stem.c" "$stem.c"; do
        path=$directory/$path
        [ -f "$path" ] && echo "${path#./}" && return
    done
}

# changed PATH: whether the push changed the file.
changed() {
    git cat-file -e "${BEFORE:-none}^{commit}" 2>/dev/null || return 0
    ! git diff --quiet "$BEFORE" HEAD -- "$1"
}

# wanted LAB PATH: whether it is to be graded. Nobody asked about a skeleton.
wanted() {
    case " ${LABS:-} " in
    "  ") ! cmp -s "$2" "$kit/labs/$1/skeleton.c" && changed "$2" ;;
    " all ") ! cmp -s "$2" "$kit/labs/$1/skeleton.c" ;;
    *" $1 "* | *" ${1%%_*} "*) return 0 ;;
    *) return 1 ;;
    esac
}

# field NAME FILE: a number at the top of a report.
field() {
    sed -n "s/^  \"$1\": \([0-9]*\),\$/\1/p" "$2"
}

grade() {
    local lab=$1 id=${1%%_*} status
    set -- --format github --format json --out "$reports/$id.json" --format junit --out "$reports/$id.xml" \
        ${REQUIRE:+--require "$REQUIRE"} ${overlay:+--overlay "$overlay"} "$lab" "$2"
    "$kit/build/grader" grade "$@"
    status=$?
    labs="$labs${labs:+ }$id"
    if [ $status -gt 1 ]; then
        code=3
        echo "::error title=Lockstep::$id could not be graded (exit status $status): no mark"
        return
    fi
    points=$((points + $(field score "$reports/$id.json")))
    most=$((most + $(field max_score "$reports/$id.json")))
    [ $status -eq 1 ] && [ $code -eq 0 ] && code=1
}

# What stands between the hand-ins and this machine depends on what the machine allows: Ubuntu 24.04, for one, restricts
# user namespaces.
say_isolation() {
    local line
    line=$("$kit/build/grader" doctor 2>/dev/null | grep 'sandbox' | head -n 1 | tr -s ' ')
    notice "isolation: ${line:-limits of time, memory, output and processes}"
}

# Hidden tests are for what people of this repository push, never for pull requests.
overlay=
case ${GITHUB_EVENT_NAME:-} in
push | workflow_dispatch | schedule) overlay=${OVERLAY:-} ;;
*) [ -n "${OVERLAY:-}" ] && notice "hidden tests are left out for ${GITHUB_EVENT_NAME:-an unknown event}" ;;
esac

echo "reports=$reports" >>"$GITHUB_OUTPUT"
say_isolation
for folder in "$kit"/labs/lab[0-9][0-9]_*/; do
    lab=$(basename "$folder")
    path=$(handin "$lab")
    [ -n "$path" ] && wanted "$lab" "$path" && grade "$lab" "$path"
done

message=none
[ -n "$labs" ] && [ $most -gt 0 ] && message=$points/$most
[ -n "$labs" ] || notice 'no hand-in changed: nothing was graded'
{
    echo "labs=$labs"
    echo "points=$message"
} >>"$GITHUB_OUTPUT"
printf '{"schemaVersion": 1, "label": "points", "message": "%s", "color": "%s"}\n' "$message" \
    "$([ "$points" -eq "$most" ] && [ "$most" -gt 0 ] && echo brightgreen || echo blue)" >"$reports/points.json"
exit $code
