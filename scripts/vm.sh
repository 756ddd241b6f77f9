#!/bin/bash
# Runs a command under Debian 12's own kernel (6.1), whatever kernel this machine has: boots that kernel in an emulated
# machine without KVM, with this machine's root directory as its own. Needs no root, but the packages checked below.
#
#   scripts/vm.sh [-b] [-c PROCESSORS] [-t SECONDS] [-w DIRECTORY] [-r ROOT] COMMAND...
#
# For instance: scripts/vm.sh build/tests/bpf_steer_test. COMMAND runs as root in the checkout, with stdin empty and
# stdout and stderr on our stdout. It sees every file this user can read; what it writes goes to memory and is gone
# afterwards, but for what it writes below DIRECTORY, which is here at once. Status: that of the command, 124 after
# SECONDS (default 900, boot included), 125 if the machine did not get that far, with one line that says why.
# One machine at a time; others wait their turn. With -b the kernel is the one of Debian 12's backports (6.12).
#
# With -r it is a machine of its own: ROOT, a Debian with systemd, is its root directory, systemd its first program, and
# COMMAND, which is run there, the service ipmp-test.service, after network-online.target. What ROOT lacks for that is
# written into it.
#
# The kernel is unpacked below build/vm and not installed. Emulation is 10 to 30 times slower than this machine, so
# that measured times mean nothing there.
set -euo pipefail

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$checkout/build/vm
memory_mib=2048
download_limit_s=240
# What the initramfs needs to reach the root directory; then what our programs and the laboratory find on a host.
boot_modules=(virtio_pci 9pnet_virtio 9p overlay)
modules=(tun veth bridge macvlan ipv6 sch_ingress cls_bpf sch_tbf sch_fq nf_tables 8021q dummy bonding team)

fail() {
    echo "vm: $1" >&2
    exit 125
}

# Makes apt look at backports alone, in directories of its own: what this machine installs from stays as it is.
use_backports() {
    local own=$cache/apt
    mkdir -p "$own"/{lists/partial,archives/partial}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian \
bookworm-backports main" >"$own/sources.list"
    printf '%s;\n' "Dir::Etc::sourcelist \"$own/sources.list\"" 'Dir::Etc::sourceparts "/dev/null"' \
        "Dir::State::lists \"$own/lists\"" "Dir::Cache::archives \"$own/archives\"" \
        'Dir::Cache::pkgcache ""' 'Dir::Cache::srcpkgcache ""' >"$own/apt.conf"
    export APT_CONFIG=$own/apt.conf
}

# Downloads the package that linux-image-amd64 stands for into a directory, without installing anything.
download() {
    local package
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n1)
    [[ -n $package ]] && (cd "$1" && timeout "$download_limit_s" apt-get -q download "$package") && echo "$package" >&3
}

# Prints the directory of the unpacked kernel package; fetches it the first time.
kernel_directory() {
    local found package
    found=$(find "$kernels" -maxdepth 1 -name 'linux-image-*' | sort -V | tail -n1)
    [[ -z $found ]] || { echo "$found"; return; }
    [[ $kernels == "$cache" ]] || use_backports
    # Unpacked beside its final name, so that an interrupted download leaves nothing that looks complete.
    local part=$cache/part log=$cache/download.log
    rm -rf "$part"
    mkdir "$part"
    # Package lists that are absent or stale make the first try fail.
    package=$(download "$part" 3>&1 >"$log" 2>&1) ||
        package=$(timeout "$download_limit_s" apt-get -q update >>"$log" 2>&1 &&
                  download "$part" 3>&1 >>"$log" 2>&1) ||
        fail "cannot download linux-image-amd64: $(grep -E '^(E|Err)' "$log" | tail -n1) (see $log)"
    dpkg -x "$part"/*.deb "$part/root"
    find "$part/root/lib/modules" -name '*.ko.xz' -exec unxz {} +  # the initramfs cannot
    depmod -b "$part/root" "$(ls "$part/root/lib/modules")"
    mv "$part/root" "$kernels/$package"
    rm -rf "$part"
    echo "$kernels/$package"
}

# The first program: loads what the root directory needs, puts memory over it and hands over to `inside`, or systemd.
write_init() {
    local next="/bin/bash '$scratch/inside'"
    [[ -z $root ]] || next=/sbin/init
    cat <<END
#!/bin/busybox sh
mount() { busybox mount "\$@" || { echo "vm: cannot mount \$*"; busybox poweroff -f; }; }
while read -r module; do busybox insmod "/modules/\$module"; done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower
mount -t tmpfs tmpfs /memory
busybox mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work overlay /root
mount -t devtmpfs devtmpfs /root/dev
${root:+busybox mkdir -p /root/lib/modules}
${root:+mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro modules /root/lib/modules}
exec busybox switch_root -c /dev/console /root $next
END
}

# For systemd: COMMAND with its output and status where they are awaited. Only here, as ROOT is not to be changed else.
write_service() {
    local system=$root/etc/systemd/system
    mkdir -p "$system/multi-user.target.wants" "$root/etc/modules-load.d"
    printf '%s\n' "${modules[@]}" >"$root/etc/modules-load.d/ipmp-test.conf"
    cat >"$root/ipmp-test" <<END
#!/bin/bash
stty -F /dev/ttyS0 raw -echo
stty -F /dev/ttyS2 raw -echo
$(printf '%q ' "$@") </dev/null 2>&1 | cat >/dev/ttyS0
echo "\${PIPESTATUS[0]}" >/dev/ttyS2
stty -F /dev/ttyS2 sane
stty -F /dev/ttyS0 sane
echo o >/proc/sysrq-trigger
END
    chmod 755 "$root/ipmp-test"
    cat >"$system/ipmp-test.service" <<END
[Unit]
Wants=network-online.target
After=network-online.target
[Service]
Type=idle
ExecStart=/ipmp-test
END
    ln -sf ../ipmp-test.service "$system/multi-user.target.wants/"
}

# The second, in the root directory: mounts as on any host, the command, its status, power off.
write_inside() {
    cat <<END
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm /lib/modules
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount --bind '$kernel/lib/modules' /lib/modules
modprobe -a ${modules[*]}
ip link set lo up
stty -F /dev/ttyS0 raw -echo
stty -F /dev/ttyS2 raw -echo
${shared:+mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 shared '$shared'}
cd '$checkout'
$(printf '%q ' "$@") </dev/null 2>&1 | cat >/dev/ttyS0
echo "\${PIPESTATUS[0]}" >/dev/ttyS2
stty -F /dev/ttyS2 sane  # waits until both lines are drained
stty -F /dev/ttyS0 sane
echo o >/proc/sysrq-trigger
sleep infinity
END
}

write_initramfs() {
    local top=$scratch/initramfs version
    version=$(ls "$kernel/lib/modules")
    mkdir -p "$top"/{bin,dev,lower,memory,modules,root}
    cp "$(command -v busybox)" "$top/bin/busybox"
    local module
    modprobe -d "$kernel" -S "$version" -a --show-depends "${boot_modules[@]}" |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
        while read -r module; do
            cp "$module" "$top/modules/"
            basename "$module" >>"$top/modules/order"
        done
    write_init >"$top/init"
    chmod 755 "$top/init"
    (cd "$top" && find . | cpio -o -H newc --quiet -R 0:0) >"$scratch/initramfs.cpio"
}

limit_s=900 processors=1 shared= root= kernels=$cache
while getopts bc:t:w:r: option; do
    case $option in
        b) kernels=$cache/backports ;;
        c) processors=$OPTARG ;;
        t) limit_s=$OPTARG ;;
        w) shared=$(realpath -e "$OPTARG") || fail "no directory $OPTARG" ;;
        r) root=$(realpath -e "$OPTARG") || fail "no directory $OPTARG" ;;
        *) exit 125 ;;
    esac
done
shift $((OPTIND - 1))
(($# > 0)) || fail "give a command"
for need in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio modprobe:kmod; do
    command -v "${need%:*}" >/dev/null || fail "install ${need#*:} first"
done

mkdir -p "$kernels"
exec 9>"$cache/lock"
flock 9
kernel=$(kernel_directory)
scratch=$cache/scratch  # ours alone while we hold the lock; what a killed predecessor left goes first
rm -rf "$scratch"
mkdir "$scratch"
machine=
# shellcheck disable=SC2317  # called by the trap
clean_up() {
    [[ -z $machine ]] || kill "$machine" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

write_initramfs
if [[ -n $root ]]; then write_service "$@"; else write_inside "$@" >"$scratch/inside"; fi
: >"$scratch/status"
share=()
[[ -z $shared ]] || share=(-fsdev "local,id=shared,security_model=none,path=$shared"
                           -device virtio-9p-pci,fsdev=shared,mount_tag=shared)
[[ -z $root ]] ||
    share+=(-fsdev "local,id=modules,security_model=none,readonly=on,path=$kernel/lib/modules"
            -device virtio-9p-pci,fsdev=modules,mount_tag=modules)
# Three serial lines: the command's output, the kernel's messages, the status. Everything stays in our process group,
# so that who kills that has ended the machine too.
timeout --foreground --kill-after=10 "$limit_s" qemu-system-x86_64 \
    -accel tcg -cpu max -smp "$processors" -m "$memory_mib" -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$kernel"/boot/vmlinuz-* -initrd "$scratch/initramfs.cpio" \
    -append "console=ttyS1 quiet panic=-1 mitigations=off systemd.getty_auto=no" \
    -fsdev "local,id=root,path=${root:-/},security_model=none,readonly=on,multidevs=remap" \
    -device virtio-9p-pci,fsdev=root,mount_tag=root "${share[@]}" \
    -chardev stdio,id=output -serial chardev:output \
    -serial "file:$scratch/console" -serial "file:$scratch/status" </dev/null 9>&- &
machine=$!
wait "$machine" && result=0 || result=$?
machine=
((result != 124)) || { echo "vm: stopped after $limit_s s" >&2; exit 124; }
status=$(<"$scratch/status")
[[ $status =~ ^[0-9]+$ ]] || { tail -n 20 "$scratch/console" >&2; fail "the machine ended early (status $result)"; }
exit "$status"
