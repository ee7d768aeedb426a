#!/bin/bash
# Checks that some small program calls each modelled function of symbols.def. Usage: modelled.sh. Prints those that none
# calls; exit status 0: there are none.
here=$(cd "$(dirname "$0")" && pwd)
status=0
# Called by what assert, pthread_cleanup_push and SCENARIO stand for.
for name in $(sed -n 's/^MODELLED(\(.*\))$/\1/p' "$here/../symbols.def" | grep -vxE '__assert_fail|__pthread_.*|scenario_(failed|failed_at|unsupported)'); do
    grep -qE "\b$name *\(" "$here"/right/*.c "$here"/wrong/*.c || { echo "modelled.sh: no program calls $name" && status=1; }
done
exit $status
