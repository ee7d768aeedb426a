#!/bin/bash
# class.sh: makes a class of 40 as an LMS delivers it, from the specimens of one lab: names as people have them, late and
# second attempts, archives, copies of each other, notes beside the source, a file nobody can place, a hostile archive.
#
#     class.sh LAB DIR [stub]     `stub`: tiny files for batch_stub.sh instead of the specimens
set -eu
lab=$1 to=$2 stub=${3:-}
directory=$(echo labs/"$lab"_*)
name=${directory#labs/}
file=${name#*_}.c
mkdir -p "$to"
names=(김민수 이지원 박서준 최수아 정하윤 "o'neilzoë" garcíajosé müllerjörg nguyễnanh łukaszkowal
    leemina kimminsu ivanovpetr 田中太郎 smithanna "de_la_cruzana" yilmazdeniz haddadomar novakjan rossigiulia
    강민지 윤도현 임채원 한지민 오세훈 서예린 신동엽 권나라 황인성 안유진
    송강호 전지현 홍길동 "smith-jonestom" bakerruth chenwei patelriya okaforada dupontéloïse hansenlars)

# source N: the text of student N's hand-in. Students 7 and 8 hand in the same; so do 20, 21 and 22.
mapfile -t specimens < <(printf '%s\n' solutions/"$name"/"$file" grader/tests/specimens/"$name"/right/*.c grader/tests/specimens/"$name"/wrong/*.c)
source_of() {
    local n=$1
    case $n in 8) n=7 ;; 21 | 22) n=20 ;; esac
    if [ -n "$stub" ]; then
        printf '/* stub-sleep=0.%d */\nint stub_%d;\n' $((n % 3)) "$n"
    else
        cat "${specimens[n % ${#specimens[@]}]}"
        printf '/* %d */\n' "$n"
    fi
}

# pack ARCHIVE TEXT: an archive with one source in a folder.
pack() {
    local work
    work=$(mktemp -d)
    mkdir -p "$work/my work"
    printf "%s\n" "$2" >"$work/my work/$file"
    tar -czf "$1" -C "$work" "my work"
    rm -rf "$work"
}

for n in $(seq 0 39); do
    id=$((1000 + n)) attachment=$((50000 + 7 * n)) who=${names[n]}
    case $n in
    3 | 17) source_of "$n" >"$to/${who}_LATE_${id}_${attachment}_$file" ;;
    5) source_of "$n" >"$to/${who}_${id}_${attachment}_my \"best\" answer.c" ;;
    9) # a second attempt beside the first
        source_of 38 >"$to/${who}_${id}_${attachment}_$file"
        source_of "$n" >"$to/${who}_${id}_$((attachment + 1))_${file%.c}-1.c"
        ;;
    12 | 30) pack "$to/${who}_${id}_${attachment}_work.tar.gz" "$(source_of "$n")" ;;
    14) source_of "$n" >"$to/${who}_${id}_${attachment}_$file"; echo 'please be kind' >"$to/${who}_${id}_$((attachment + 1))_note.txt" ;;
    *) source_of "$n" >"$to/${who}_${id}_${attachment}_$file" ;;
    esac
done
echo 'int nobody;' >"$to/$file"
work=$(mktemp -d)
mkdir "$work/in" && echo 'int out;' >"$work/$file"
tar -czPf "$to/eve_1099_60000_evil.tar.gz" -C "$work/in" "../$file" 2>/dev/null
rm -rf "$work"
