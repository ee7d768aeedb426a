#!/bin/bash
# explain.sh: the pages of grader/explain/. There is one for each kind of finding that the code can make, and their examples
# are what they say they are. The word behind ```c says what becomes of a block:
#
#   ```c             it compiles without a warning
#   ```c warns       it compiles with one
#   ```c refused     the compiler refuses it
#   ```c unlinked    it compiles, and the linker refuses it
#   ```c KIND        a program in which the explorer finds KIND, or, if it is a kind of the gate, what the gate refuses so
#   ```c right       put into the page's first program in place of its functions of the same name: the explorer finds nothing
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
pages=grader/explain

# --- each kind has its page ---

# one_line FILE...: the code without line breaks, so that a call that clang-format has broken is seen as a whole.
one_line() {
    cat "$@" | tr '\n' ' ' | tr -s ' '
}

# words: the string literals of stdin that can be kinds, one a line.
words() {
    grep -o '"[a-z][a-z-]*"' | tr -d '"'
}

# explorer_kinds: what the explorer can find.
explorer_kinds() {
    sed -n 's/^ *\[VERDICT_[A-Z_]*\] = "\(.*\)",$/\1/p' harness/explore/verdict.c |
        grep -vxE 'nothing|too long|seen before|unsupported' | tr ' ' -
}

# kinds_of_code: what findings are made with (result_add and what calls it), what verdict.c names, and what is chosen by a
# condition before.
kinds_of_code() {
    one_line grader/*.c grader/stages/*.c |
        grep -oE '(result_add|refuse|add_failure)\([^";]*"[a-z-]+"([^";]*"[a-z-]+")*' | words
    one_line grader/stages/*.c | grep -oE 'char \*kind = [^;]*;' | words
    sed -n '/^static const char \*kind_word/,/^}/p' grader/stages/races_findings.c | grep -o 'return "[^"?]*"' | words
    explorer_kinds
}

kinds_of_code | sort -u >"$scratch/kinds"
{ ls $pages | sed 's/\.md$//'; printf '%s\n' note grader-error; } | sort >"$scratch/pages"
sed -n '/^Kinds: /,/^$/p' grader/README.md | grep -o '`[a-z-]*`' | tr -d '`' | sort -u >"$scratch/listed"
check "each kind of finding has a page, and each page a kind" diff "$scratch/kinds" "$scratch/pages"
check "grader/README.md lists the kinds" diff "$scratch/kinds" "$scratch/listed"

# --- what grader explain prints ---

# lists_all: a line for each page, with its title.
lists_all() {
    "$grader" explain | awk '{ print $1 }' | diff - <(ls $pages | sed 's/\.md$//') &&
        ! "$grader" explain | grep -vE '^[a-z-]+ +[A-Z].{15,}$'
}

# shows WORD...: grader explain WORD... prints the page about data races.
shows() {
    "$grader" explain "$@" | diff - $pages/data-race.md
}

# knows_not WORD: exit status 2, and a message that names WORD.
knows_not() {
    "$grader" explain "$1" >"$scratch/out" 2>&1
    [ $? = 2 ] && grep -qF -- "'$1'" "$scratch/out"
}

check "grader explain lists the pages" lists_all
check "grader explain data-race" shows data-race
check "grader explain data race" shows data race
check "grader explain of no kind" knows_not no-such-kind
check "grader explain reads pages only" knows_not ../explain/data-race

# --- the examples ---

# split PAGE DIRECTORY: writes the page's blocks of C to DIRECTORY/N.c, and a line `N WORD` for each to DIRECTORY/list.
split() {
    awk -v into="$2" '
        /^```c( |$)/ { file = into "/" ++n ".c"; print n, $2 > (into "/list"); next }
        /^```/ { file = "" }
        file != "" { print > file }' "$1"
}

# replace PROGRAM FIX: PROGRAM with the functions of FIX in place of its own, and what else FIX holds before the first.
replace() {
    awk '
        function name(line) { sub(/\(.*/, "", line); sub(/.*[ *]/, "", line); return line }
        function starts(line) { return line ~ /^[a-z].*\(.*\)$/ }
        NR == FNR {
            if (starts($0)) { current = name($0); fixed[current] = head; head = "" }
            if (current != "") fixed[current] = fixed[current] $0 "\n"; else head = head $0 "\n"
            if ($0 == "}") current = ""
            next
        }
        starts($0) && name($0) in fixed { printf "%s", fixed[name($0)]; skipped = 1 }
        !skipped { print }
        $0 == "}" { skipped = 0 }' "$2" "$1"
}

# explored WORD PROGRAM: the explorer finds just that (right: nothing).
explored() {
    timeout 60 "$grader" explore "$2" >"$scratch/${2//\//-}.out" 2>&1
    local status=$? first
    first=$(head -n 1 "$scratch/${2//\//-}.out")
    if [ "$1" = right ]; then
        [ $status = 0 ] && [ "$first" = "nothing found" ] && return
    else
        [ $status = 1 ] && [ "$(sed 's/:.*//; s/ /-/g' <<<"$first")" = "$1" ] && return
    fi
    cat "$scratch/${2//\//-}.out"
    return 1
}

# gated KIND FILE: a right hand-in with what is in FILE before it is refused, for KIND alone.
gated() {
    cat "$2" solutions/lab01_counter/counter.c >"$2.counter.c"
    timeout 60 "$grader" grade lab01 "$2.counter.c" --only build --json "$2.json"
    [ "$(grep '"kind"' "$2.json" | tr -d ' ,')" = "\"kind\":\"$1\"" ]
}

# compiled FLAGS... FILE: compiles and, if it has a main, links.
compiled() {
    local mode=-c
    grep -q '\bmain(' "${!#}" && mode=
    gcc -std=gnu17 -Wall -Wextra -pthread $mode -o "${!#}.out" "$@"
}

# holds WORD FILE FIRST: the block in FILE is what WORD says; FIRST is the page's first block.
holds() {
    case $1 in
    "") compiled -Werror "$2" ;;
    warns) compiled "$2" && ! compiled -Werror "$2" ;;
    refused) ! compiled "$2" ;;
    unlinked) gcc -std=gnu17 -c -o "$2.out" "$2" && ! compiled "$2" ;;
    right)
        replace "$3" "$2" >"$2.fixed.c"
        ! diff -q "$3" "$2.fixed.c" >/dev/null && compiled -Werror "$2.fixed.c" && explored right "$2.fixed.c"
        ;;
    *)
        compiled -Werror "$2" || return
        if grep -qx "$1" "$scratch/gate"; then gated "$1" "$2"; else explored "$1" "$2"; fi
        ;;
    esac
}

# examples KIND: the rows of one page, on stdout.
examples() {
    local kind=$1 directory=$scratch/$1 number word first
    mkdir "$directory"
    touch "$directory/list"
    split "$pages/$kind.md" "$directory"
    first=$(sed -n 's/^1 //p' "$directory/list")
    if grep -qx "$kind" "$scratch/gate" "$scratch/explorer" && [ "$first" != "$kind" ]; then
        fail "$kind" "its first example is not one of '$kind'"
    fi
    while read -r number word; do
        if holds "$word" "$directory/$number.c" "$directory/1.c" >"$directory/out" 2>&1; then
            pass "$kind: example $number${word:+, $word}"
        else
            fail "$kind: example $number${word:+, $word}" "$(head -c 1500 "$directory/out")"
        fi
    done <"$directory/list"
}

# --- all pages, a job for each core; a page with no example in C shows what is no C at all ---

explorer_kinds >"$scratch/explorer"
one_line grader/gate.c | grep -oE 'refuse\([^";]*"[a-z-]+"' | words | grep -vxE 'missing-function|compile-error' | sort -u >"$scratch/gate"
jobs_max=$(nproc)
for page in $pages/*.md; do
    kind=$(basename "$page" .md)
    while [ "$(jobs -rp | wc -l)" -ge "$jobs_max" ]; do
        wait -n
    done
    examples "$kind" >"$scratch/$kind.rows" &
    check "$kind: has an example" grep -q '^```' "$page"
done
wait
cat "$scratch"/*.rows
passed=$((passed + $(cat "$scratch"/*.rows | grep -c '^ok    ')))
failed=$((failed + $(cat "$scratch"/*.rows | grep -c '^FAIL  ')))
finish
