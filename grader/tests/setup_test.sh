#!/bin/sh
# setup_test.sh: setup.sh in a world of fake tools: no package is touched. Prints `ok NAME` or `FAIL NAME` a row and
# last `N passed, N failed`; exit status 1 if a row failed. Takes about a second.
set -u

here=$(cd "$(dirname "$0")/.." && pwd)
world=$(mktemp -d) || exit 1
trap 'rm -rf "$world"' EXIT
trap 'exit 130' INT TERM HUP
passed=0 failed=0

# ---- the world: $world/bin is all of PATH, $world/state what the fakes remember ----

fake() {
    cat >"$world/bin/$1" && chmod +x "$world/bin/$1"
}

# Everything in packages.txt is there, the user is root, apt-get works.
new_world() {
    rm -rf "${world:?}"/*
    mkdir "$world/bin" "$world/state" "$world/kit" "$world/cwd"
    cp "$here/setup.sh" "$here/packages.txt" "$world/kit"
    for tool in sh env dirname; do
        ln -s "$(command -v "$tool")" "$world/bin/$tool"
    done
    : >"$world/state/libraries"
    : >"$world/state/apt.log"
    echo 0 >"$world/state/uid"
    printf '#!/bin/sh\n' | fake true
    fake_id
    fake_apt_get
    fake_arrival
    # shellcheck disable=SC2046 # a list of words
    "$world/state/arrive" $(awk '!/^#/ { print $2 }' "$world/kit/packages.txt")
}

# remove_package PACKAGE...
remove_package() {
    for package; do
        probe=$(awk -v package="$package" '$2 == package { print $3 }' "$world/kit/packages.txt")
        case $probe in
        command:*) rm "$world/bin/${probe#command:}" ;;
        pkg-config:*)
            grep -vx -e "${probe#pkg-config:}" "$world/state/libraries" >"$world/state/fewer"
            mv "$world/state/fewer" "$world/state/libraries"
            ;;
        *) echo "cannot remove '$package'" >&2 && exit 1 ;;
        esac
    done
}

fake_id() {
    fake id <<EOF
#!/bin/sh
read -r uid <"$world/state/uid"
echo "\$uid"
EOF
}

# Fails if state/VERB.fails is there.
fake_apt_get() {
    fake apt-get <<EOF
#!/bin/sh
echo "\$*" >>"$world/state/apt.log"
echo "\$DEBIAN_FRONTEND" >>"$world/state/frontend.log"
for word; do
    [ -e "$world/state/\$word.fails" ] && exit 100
done
case " \$* " in
*" install "*) "$world/state/arrive" "\$@" ;;
esac
exit 0
EOF
}

# state/arrive PACKAGE... brings packages into the world, with the tools of the real PATH.
fake_arrival() {
    cat >"$world/state/pkg-config" <<EOF
#!/bin/sh
echo "\$*" >>"$world/state/pkg-config.log"
[ "\$1" = --exists ] && shift
for wanted; do
    found=no
    while read -r library; do
        [ "\$library" = "\$wanted" ] && found=yes
    done <"$world/state/libraries"
    [ \$found = yes ] || exit 1
done
EOF
    cat >"$world/state/arrive" <<EOF
#!/bin/sh
PATH='$PATH'
for package; do
    probe=\$(awk -v package="\$package" '\$2 == package { print \$3 }' "$world/kit/packages.txt")
    case \$probe in
    command:pkg-config) cp "$world/state/pkg-config" "$world/bin" && chmod +x "$world/bin/pkg-config" ;;
    command:*) printf '#!/bin/sh\n' >"$world/bin/\${probe#command:}" && chmod +x "$world/bin/\${probe#command:}" ;;
    pkg-config:*) echo "\${probe#pkg-config:}" >>"$world/state/libraries" ;;
    esac
done
EOF
    chmod +x "$world/state/arrive"
}

# sudo that works (and says so), or that wants a password.
fake_sudo() {
    fake sudo <<EOF
#!/bin/sh
echo "\$*" >>"$world/state/sudo.log"
[ -e "$world/state/sudo.fails" ] && exit 1
[ "\$1" = -n ] && shift
exec "\$@"
EOF
}

# run_setup [VARIABLE=value...] COMMAND...: leaves $status and the files state/out, state/err.
run_setup() {
    (cd "$world/cwd" && exec env -i PATH="$world/bin" "$@" </dev/null) >"$world/state/out" 2>"$world/state/err"
    status=$?
}

# ---- what the rows look at ----

row() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok $1"
    else
        failed=$((failed + 1))
        echo "FAIL $1"
        sed 's/^/    /' "$world/state/err"
    fi
}

silent() {
    [ ! -s "$world/state/out" ] && [ ! -s "$world/state/err" ]
}

# apt_calls UPDATES INSTALLS
apt_calls() {
    [ "$(grep -cw update "$world/state/apt.log")" = "$1" ] && [ "$(grep -cw install "$world/state/apt.log")" = "$2" ]
}

# The one install call ended with exactly these words.
installed_only() {
    grep -q " install -y --no-install-recommends $1\$" "$world/state/apt.log"
}

says() {
    grep -qF -e "$1" "$world/state/err"
}

# ---- rows ----

setup() {
    run_setup sh "$world/kit/setup.sh" "$@"
}

new_world
setup grade
[ $status = 0 ] && silent && apt_calls 0 0
row nothing_missing_is_silent $?
[ "$(wc -l <"$world/state/pkg-config.log")" = 1 ]
row nothing_missing_asks_pkg_config_once $?
[ -z "$(ls -A "$world/cwd")" ] && [ "$(find "$world/kit" -type f | wc -l)" = 2 ]
row leaves_no_file $?
setup test
[ $status = 0 ] && silent && apt_calls 0 0
row nothing_missing_for_test $?
setup
[ $status = 0 ] && silent
row group_is_optional $?

new_world
remove_package libuv1-dev valgrind
setup grade
[ $status = 0 ] && apt_calls 1 1 && installed_only 'libuv1-dev valgrind'
row two_missing_are_installed $?
[ "$(grep -c . "$world/state/err")" = 1 ] && says 'missing, to be installed with apt-get: libuv1-dev valgrind'
row two_missing_are_named_in_one_line $?
head -n 1 "$world/state/apt.log" | grep -qw update
row update_comes_first $?
[ "$(sort -u "$world/state/frontend.log")" = noninteractive ]
row apt_asks_nothing $?
setup grade
[ $status = 0 ] && silent && apt_calls 1 1
row second_run_is_silent $?

new_world
remove_package clang
setup grade
[ $status = 0 ] && silent && apt_calls 0 0
row grade_needs_no_clang $?
setup test
[ $status = 0 ] && installed_only clang
row test_needs_clang $?

new_world
remove_package gcc libdw-dev
echo 1000 >"$world/state/uid"
setup grade
[ $status = 2 ] && apt_calls 0 0
row no_root_no_sudo_ends_with_2 $?
grep -qx '    apt-get update && apt-get install -y --no-install-recommends gcc libdw-dev' "$world/state/err"
row no_root_no_sudo_prints_the_command $?
run_setup DEPS=skip sh "$world/kit/setup.sh" grade
[ $status = 0 ] && silent && apt_calls 0 0
row deps_skip_does_nothing $?
fake_sudo
touch "$world/state/sudo.fails"
setup grade
[ $status = 2 ] && apt_calls 0 0 && says 'would ask for a password' && says 'recommends gcc libdw-dev'
row sudo_with_password_and_no_terminal $?
[ "$(grep -cv '^-n ' "$world/state/sudo.log")" = 0 ]
row sudo_is_never_left_to_ask $?
rm "$world/state/sudo.fails"
setup grade
[ $status = 0 ] && apt_calls 1 1 && installed_only 'gcc libdw-dev'
row sudo_installs $?
[ "$(sort -u "$world/state/frontend.log")" = noninteractive ]
row sudo_keeps_apt_noninteractive $?

new_world
remove_package valgrind
touch "$world/state/install.fails"
setup grade
[ $status = 2 ] && apt_calls 1 1 && says 'apt-get install failed'
row apt_fails_ends_with_2 $?
says 'apt-get update && apt-get install -y --no-install-recommends valgrind'
row apt_fails_prints_the_command $?
says universe
row apt_fails_names_universe $?
touch "$world/state/update.fails"
setup grade
[ $status = 2 ] && says 'is there a network?'
row no_network $?
rm "$world/state/install.fails"
setup grade
[ $status = 0 ] && installed_only valgrind
row failed_update_alone_is_no_failure $?

new_world
remove_package valgrind
printf '#!/bin/sh\n' >"$world/state/arrive"
setup grade
[ $status = 2 ] && says 'still not found: valgrind'
row installed_but_not_there $?

new_world
remove_package valgrind libjansson-dev
rm "$world/bin/apt-get"
setup grade
[ $status = 2 ] && says 'libjansson-dev valgrind' && says 'no apt-get'
row no_apt_get $?

new_world
rm "$world/bin/pkg-config"
setup grade
[ $status = 0 ] && apt_calls 1 1 && says 'pkgconf' && ! says valgrind
row no_pkg_config $?

new_world
setup everything
[ $status = 2 ] && says usage && apt_calls 0 0
row unknown_group $?
echo 'grade  thing  magic:wand  x | y' >>"$world/kit/packages.txt"
setup grade
[ $status = 2 ] && says "unknown probe 'magic:wand'"
row unknown_probe $?
rm "$world/kit/packages.txt"
setup grade
[ $status = 2 ] && says 'cannot read'
row no_list $?

echo "$passed passed, $failed failed"
[ $failed = 0 ]
