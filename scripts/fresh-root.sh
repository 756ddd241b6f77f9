#!/bin/bash
# Proves that a checkout needs nothing but a fresh Debian 12: makes a minimal root directory, copies the checkout
# into it (without .git and build directories) and runs a command there. Needs root and debootstrap.
#
#   scripts/fresh-root.sh [-t SECONDS] [-m MIRROR] [COMMAND...]      default command: ./demo
#
# The command runs in a mount and a PID namespace of its own: when it ends, or is killed after SECONDS (default
# 1800), no process and no mount of it is left, and the directory is deleted. Status: that of the command.
set -euo pipefail

limit_s=1800
mirror=http://deb.debian.org/debian
while getopts t:m: option; do
    case $option in
        t) limit_s=$OPTARG ;;
        m) mirror=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
(($# > 0)) || set -- ./demo

[[ $EUID -eq 0 ]] || { echo "fresh-root: run as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh-root: install debootstrap first" >&2; exit 1; }
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(mktemp -d "${TMPDIR:-/tmp}/ipmp-fresh.XXXXXX")
chmod 755 "$root"  # it becomes "/" to users other than root

clean_up() {
    # Mounts live in the namespace below; if one were here all the same, deleting would reach through it.
    if grep -q " $root/" /proc/mounts; then
        echo "fresh-root: something is mounted below $root, leaving it" >&2
    else
        rm -rf --one-file-system "$root"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
    { tail -n 5 "$root.log" >&2; echo "fresh-root: debootstrap failed (see $root.log)" >&2; exit 1; }
rm -f "$root.log"
mkdir "$root/ipmp"
tar -C "$checkout" --exclude=./.git --exclude='./build*' --exclude=__pycache__ -cf - . | tar -C "$root/ipmp" -xf -

# shellcheck disable=SC2016  # expanded by the inner shell
inside='
    set -e
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" /usr/bin/env -i HOME=/root TERM="${TERM-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /bin/bash -c "cd /ipmp && exec \"\$@\"" bash "$@"
'
timeout --kill-after=10 "$limit_s" \
    unshare --mount --pid --fork --kill-child bash -c "$inside" bash "$root" "$@"
