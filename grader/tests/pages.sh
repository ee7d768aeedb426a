#!/bin/bash
# pages.sh: the pages about a class, looked at in headless Chromium from file://: what they show, searching, sorting, the
# keyboard, dark mode, print; and the feedback files.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
if ! command -v chromium >/dev/null; then
    pass "pages (not tried: no chromium)"
    finish
    exit
fi
# Names that want to be more than names. The last folder's name is markup, its file's report markup, too.
class=$scratch/class
grader/tests/class.sh lab01 "$class" stub
mkdir "$class/<img src=x onerror=alert(1)> \"Bobby\" & Söhne"
echo 'int bobby;' >"$class/<img src=x onerror=alert(1)> \"Bobby\" & Söhne/counter.c"
mkdir "$class/zz broken" && echo '/* stub-error */' >"$class/zz broken/counter.c"
book=$scratch/c.sqlite
LOCKSTEP_BATCH_JOB=$PWD/grader/tests/batch_stub.sh timeout 120 "$grader" batch lab01 --submissions "$class" --gradebook "$book" \
    --unsafe-no-sandbox --late 10%/day >"$scratch/out" 2>&1
check "a class with one fault of ours" test $? -eq 3
"$grader" adjust "$book" --student 1001 --points +5 --comment 'well <b>argued</b>' >/dev/null
check "the pages are written" "$grader" report "$book" --html "$scratch/site" --per-student "$scratch/feedback"
bobby=$(sqlite3 "$book" "SELECT id FROM student WHERE name LIKE '%Bobby%'")
first=$(sqlite3 "$book" "SELECT id FROM student WHERE key = 1001")

# browse URL: commands on stdin, answers into $scratch/answers.
browse() {
    rm -rf "$scratch/profile"
    timeout 150 "$BUILD/tests/browse" "$scratch/profile" "$1" >"$scratch/answers" 2>"$scratch/trouble"
}

# answer LINE TEXT NAME: what the browser said in that line.
answer() {
    local got
    got=$(sed -n "$1p" "$scratch/answers")
    if [ "$got" = "$2" ]; then pass "$3"; else fail "$3" "'$got' instead of '$2' $(head -c 600 "$scratch/trouble")"; fi
}

shown='Array.from(document.querySelectorAll("#class tbody tr:not([hidden]) th")).map(e => e.textContent)'
marks='Array.from(document.querySelectorAll("#class tbody td:nth-child(4)")).map(e => Number(e.dataset.value))'
ordered='(() => { const m = '$marks'; return m.length === 42 && m.every((x, i) => i === 0 || m[i - 1] SIGN x); })()'
browse "file://$scratch/site/index.html" <<EOF
eval document.querySelectorAll("#class tbody tr").length
eval document.getElementById("shown").textContent
click #search
type 김민수
eval $shown.join()
eval document.getElementById("shown").textContent
eval document.getElementById("search").value = ""
type LATE haddad
eval $shown.join()
eval document.getElementById("search").value = ""
type no such student
eval $shown.length
eval document.getElementById("search").value = ""; document.getElementById("search").dispatchEvent(new Event("input")); $shown.length
click #class th:nth-child(4) button
eval ${ordered/SIGN/<=}
eval document.querySelector("#class th:nth-child(4)").getAttribute("aria-sort")
key Enter
eval ${ordered/SIGN/>=}
eval document.querySelector("#class th:nth-child(4)").getAttribute("aria-sort")
click #class th:nth-child(1) button
eval document.querySelectorAll("#class th[aria-sort]").length
eval document.activeElement.textContent
key Tab
eval document.activeElement.textContent
eval document.images.length + document.querySelectorAll("#class b, #class script").length
eval document.querySelector("svg[role=img]").getAttribute("aria-label").startsWith("How many students have how much: 0 to 10 %: ")
eval document.querySelectorAll("svg .dot").length
eval Array.from(document.querySelectorAll("svg .bar")).length
eval Array.from(document.querySelectorAll("input, button")).every(e => (e.labels && e.labels.length > 0) || e.textContent !== "")
eval performance.getEntriesByType("resource").every(e => e.name.startsWith("file://"))
eval getComputedStyle(document.body).backgroundColor
dark
eval getComputedStyle(document.body).backgroundColor
print
eval getComputedStyle(document.querySelector(".tools")).display
eval document.body.innerText.includes("increments_are_not_lost")
eval Array.from(document.querySelectorAll("#class tbody a")).filter(a => a.textContent.includes("Bobby"))[0].textContent
errors
EOF
answer 1 42 "a row for each student"
answer 2 '42 of 42 shown' "the number of rows is said"
answer 3 김민수 "searching finds a name"
answer 4 '1 of 42 shown' "and says how many"
answer 6 haddadomar "several words, upper case, other columns"
answer 8 0 "nothing found"
answer 9 42 "all are back"
answer 10 true "a click sorts by mark"
answer 11 ascending "and tells screen readers"
answer 12 true "Enter on the heading turns the order round"
answer 13 descending "and tells screen readers, too"
answer 14 1 "one column at a time is sorted"
answer 15 Name "the heading has the focus"
answer 16 Id "Tab leads to the next"
answer 17 0 "no name becomes markup"
answer 18 true "the diagram has words"
answer 19 41 "a dot in the speed-up diagram for each"
answer 20 10 "ten bars"
answer 21 true "what can be used has a label"
answer 22 true "nothing comes from a network"
answer 23 'rgb(255, 255, 255)' "light"
answer 24 'rgb(13, 17, 23)' "dark"
answer 25 none "no tools on paper"
answer 26 true "the most common findings are named"
answer 27 '<img src=x onerror=alert(1)> "Bobby" & Söhne' "markup in a name is shown as it is"
answer 28 '0 errors' "no error, no violation of the page's own policy"

browse "file://$scratch/site/students/$first.html" <<EOF
eval document.querySelector("h1").textContent
eval document.querySelector(".score strong").textContent === "$(sqlite3 "$book" "SELECT printf('%g', final) FROM mark WHERE key = 1001")"
eval document.querySelector("blockquote").textContent
eval document.querySelectorAll("ol.findings > li").length
eval document.querySelector("ol.findings pre code").textContent
eval document.body.innerText.includes("the counter says <script>3</script>")
eval document.scripts.length
eval document.documentElement.lang
eval document.querySelectorAll("h1").length === 1 && document.querySelector("main") !== null
go file://$scratch/site/students/$bobby.html
eval document.querySelector("h1").textContent
eval document.images.length
errors
EOF
answer 1 이지원 "a student's page"
answer 2 true "with the mark"
answer 3 'well <b>argued</b>' "the instructor's comment"
answer 4 2 "the findings"
answer 5 '1 | int stub;' "the source line"
answer 6 true "messages are text"
answer 7 0 "no script"
answer 8 en "a language"
answer 9 true "one heading, one main part"
answer 10 '<img src=x onerror=alert(1)> "Bobby" & Söhne' "a hostile name on its own page"
answer 11 0 "makes no picture"
answer 12 '0 errors' "and no error"

check "a feedback file for each, named as Canvas wants it" test -f "$scratch/feedback/이지원_1001_50007_counter.html"
check "for each student one" test "$(find "$scratch/feedback" -type f | wc -l)" -eq 42
check "it needs no other file" sh -c "! grep -q 'href=\"[^#]\|src=\"' '$scratch/feedback/이지원_1001_50007_counter.html'"
check "a fault of ours is no mark" grep -q 'Not graded, by no fault of yours' "$scratch/feedback/zz broken.html"
check "other students are not named in it" sh -c "! grep -q '박서준\|identical' '$scratch/feedback/'*1020*.html"
browse "file://$scratch/feedback/이지원_1001_50007_counter.html" <<EOF
eval getComputedStyle(document.querySelector(".score")).fontSize !== getComputedStyle(document.body).fontSize
errors
EOF
answer 1 true "its style works"
answer 2 '0 errors' "without an error"
check "pages that cannot be written" sh -c "'$grader' report '$book' --html /proc/none 2>&1 | grep -q 'cannot write'"
finish
