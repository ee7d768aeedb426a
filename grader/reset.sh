#!/bin/sh
# reset.sh LAB: puts the skeleton back in place of a lab's hand-in. Asks first (YES=1 answers for you) and
# keeps a copy of the file beside it. Called by `make reset`.
set -eu
lab=$1
for directory in labs/"$lab" labs/"${lab}"_*; do
    [ -f "$directory/skeleton.c" ] && break
done
if [ ! -f "$directory/skeleton.c" ]; then
    echo "reset: unknown lab '$lab': make list names them" >&2
    exit 2
fi
stem=${directory#*_}
file=$directory/$stem.c
if [ -f "$file" ] && cmp -s "$file" "$directory/skeleton.c"; then
    echo "$file is the skeleton already: nothing to do"
    exit 0
fi
if [ "${YES:-}" != 1 ]; then
    printf 'Put the skeleton back in place of %s? A copy of your file is kept. [y/N] ' "$file"
    read -r answer || answer=
    case $answer in
    y | Y | yes) ;;
    *)
        echo "nothing changed"
        exit 0
        ;;
    esac
fi
if [ -f "$file" ]; then
    copy=$file.backup-$(date +%Y%m%d-%H%M%S)
    cp -p "$file" "$copy"
    echo "your file is kept as $copy"
fi
cp "$directory/skeleton.c" "$file"
echo "$file is the skeleton again"
