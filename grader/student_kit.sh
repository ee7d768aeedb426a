#!/bin/sh
# student_kit.sh OUT: makes the kit that students get, as a new folder OUT or, if OUT ends in .tar.gz, as an archive with
# the folder lockstep/. Called by `make student-kit`.
#
# What belongs to the kit is listed here; all else stays behind: solutions, specimens, hidden tests, the grader's own tests.
# Each hand-in is the skeleton, whatever stands in the instructor's copy.
set -eu
out=${1:-}
case $out in
'')
    echo "student-kit: say where it goes: make student-kit OUT=folder, or OUT=kit.tar.gz" >&2
    exit 2
    ;;
*.tar.gz)
    temporary=$(mktemp -d "${TMPDIR:-/tmp}/lockstep-kit-XXXXXX")
    trap 'rm -rf "$temporary"' EXIT
    kit=$temporary/lockstep
    ;;
*)
    temporary=
    kit=$out
    ;;
esac
if [ -e "$kit" ]; then
    echo "student-kit: '$kit' is there already" >&2
    exit 2
fi
mkdir -p "$kit"

# files: what git keeps of the folders and files that belong to the kit, so that nothing an instructor left lying about
# goes along; in a copy without git, all that is in them.
files() {
    set -- .clang-format .devcontainer .github/actions .github/workflows/grade.yml .gitignore LICENSE grader harness labs
    if [ -e .git ] && git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -- "$@"
    else
        find "$@" -type f
    fi
}

files | grep -v -e '/tests/' -e '/hidden/' -e '\.backup-' -e '^grader/student_' -e '^grader/bench' |
    tar -cf - --files-from=- | tar -xf - -C "$kit"

# (Only tests of the project itself are in folders named tests; the tests of a lab are files.)
for lab in "$kit"/labs/lab[0-9][0-9]_*; do
    cp "$lab/skeleton.c" "$lab/${lab##*/lab[0-9][0-9]_}.c"
done

# Goals that need what the kit lacks are cut out, each up to the empty line after it.
sed '/^\(solution\|bench\|test\|verdicts\|accuracy\|attacks\|batch\|bench-batch\|test-explore\|bench-explore\|student-kit\):/,/^$/d' Makefile >"$kit/Makefile"
sed -i '/^make solution /d' "$kit"/labs/*/README.md
cp grader/student_readme.md "$kit/README.md"

if [ -n "$temporary" ]; then
    tar -czf "$out" --owner=0 --group=0 -C "$temporary" lockstep
fi
echo "the student kit is in $out"
