#!/bin/bash
# Takes a fresh Debian 12 to a built tree. Needs root only while something is missing; needs neither git nor a
# .git directory. ./demo and ./check call it first.
#
#   scripts/bootstrap.sh             install what is missing, then configure and build into build/
#   scripts/bootstrap.sh packages    install what is missing, nothing else
#   scripts/bootstrap.sh vm          install what scripts/vm.sh needs for its emulated machine, nothing else
#   scripts/bootstrap.sh package     install what ./package needs besides, nothing else
#   scripts/bootstrap.sh bench       install what ./bench needs besides, nothing else
#   scripts/bootstrap.sh coverage    install what scripts/coverage.sh needs, nothing else
#   scripts/bootstrap.sh lint        install what scripts/lint.sh needs, nothing else
#   scripts/bootstrap.sh memcheck    install what scripts/memcheck.sh needs, nothing else
#   scripts/bootstrap.sh plot        install what scripts/soak_plot.py needs, nothing else
#   scripts/bootstrap.sh build       configure and build only
#
# CMAKE_BUILD_PARALLEL_LEVEL=N limits the jobs of the build.
set -euo pipefail

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Every package we need and what for; the only such list.
packages=(
    # building
    g++                  # the C++20 compiler, with its sanitizer libraries
    cmake                # build description and presets
    ninja-build          # runs the build
    pkg-config           # finds libbpf and its like
    clang-14             # compiles the BPF programs, and the fuzz targets
    bpftool              # turns BPF objects into skeleton headers
    libclang-rt-14-dev   # libFuzzer
    libbpf-dev           # loading and attaching BPF programs
    libmnl-dev           # rtnetlink
    libcap-dev           # giving up capabilities
    libseccomp-dev       # giving up system calls
    libfmt-dev           # text formatting
    nlohmann-json3-dev   # control protocol and state file
    libcli11-dev         # options of ipmp
    prometheus-cpp-dev   # the HTTP server and metrics of ipmp-exporter
    libgtest-dev         # unit tests
    linux-libc-dev       # kernel interface headers
    # tests, laboratory and demo
    python3              # laboratory, scripts
    python3-pytest       # runs the namespace tests
    python3-pytest-xdist # several of them at once
    python3-scapy        # makes router advertisements
    iproute2             # ip, tc, bridge
    iputils-ping         # ping
    ethtool              # changes the speed of links in the chaos of the laboratory
    nftables             # the laboratory drops and filters with nft
    tcpdump              # captures
    util-linux           # nsenter, setpriv, setarch
    mandoc               # checks the man pages
    dhcpcd-base          # the DHCP client that in.mpathd runs
    dnsmasq-base         # a DHCP server for it
)
# Only for ./check.
client_packages=(
    # ordinary programs that must survive failovers; started only in the laboratory, never as services
    iperf3               # TCP and UDP streams
    nginx-light          # HTTP server
    curl                 # HTTP client
    openssh-server       # logins
    openssh-client       # logins
    rsync                # a long transfer
    avahi-daemon         # multicast DNS
    avahi-utils          # resolves names by multicast DNS
    traceroute           # routes through the group
    iputils-tracepath    # path MTU through the group
    radvd                # router advertisements
    zsh                  # runs its completion
)
# Only for ./check --vm; the kernel itself is downloaded and unpacked by scripts/vm.sh, never installed.
vm_packages=(
    qemu-system-x86      # the emulated machine
    busybox-static       # its first program
    cpio                 # packs its initramfs
    kmod                 # finds and loads its modules
    xz-utils             # unpacks modules
)
# Only for scripts/coverage.sh.
coverage_packages=(
    gcovr                # counts and shows what ran
)
# Only for scripts/lint.sh.
lint_packages=(
    clang-tidy-14        # finds bugs in sources
    cppcheck             # finds others
)
# Only for scripts/memcheck.sh.
memcheck_packages=(
    valgrind             # finds reads of what nobody wrote
)
# Only for scripts/soak_plot.py, and so for ./check --long.
plot_packages=(
    python3-matplotlib   # draws the curves of a soak
)
# Only for ./bench.
bench_packages=(
    python3-matplotlib   # draws the plots
    libteam-utils        # teamd, to be compared with in the emulated machine
)
# Only for ./package and tests/packages.
package_packages=(
    git                  # exports what is committed
    dpkg-dev             # dpkg-buildpackage
    debhelper            # builds packages from debian/
    fakeroot             # for who is not root
    lintian              # looks them over
    debootstrap          # a minimal Debian for tests/packages to install them into
)

# Those of them that come with a service, which nobody asked for: it is neither started nor enabled.
services=(nginx ssh rsync avahi-daemon radvd)

fail() {
    echo "bootstrap: $1" >&2
    exit 1
}

# Forbids package scripts to start services, as policy-rc.d(8) has it; where the machine has such a policy, that holds.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    [[ ! -e $policy ]] || return 0
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

has_service() {
    [[ -e /etc/init.d/$1 || -e /lib/systemd/system/$1.service ]]
}

disable_service() {
    if command -v systemctl >/dev/null; then
        systemctl --quiet disable "$1"
    elif [[ -e /etc/init.d/$1 ]]; then
        update-rc.d "$1" disable
    fi || echo "bootstrap: cannot disable the service $1, ignoring" >&2
}

missing_packages() {  # of those given
    # Unknown names make dpkg-query fail and say so; that is an answer here, not an error.
    local present
    present=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    local package
    for package in "$@"; do
        grep -Fqx "$package installed" <<<"$present" || echo "$package"
    done
}

# Installs `$@`, with its output in the log. Runs in a process of its own, with whose end the policy goes.
run_apt_get() (
    local log=$1
    shift
    local -a install=(apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "$@")
    export DEBIAN_FRONTEND=noninteractive
    forbid_services
    # Package lists that are absent or stale make the first try fail before it has changed anything.
    if ! "${install[@]}" </dev/null >"$log" 2>&1; then
        apt-get -q -o DPkg::Lock::Timeout=120 update </dev/null >>"$log" 2>&1 ||
            fail "apt-get update failed: $(grep -m1 -E '^(E|W|Err)' "$log" || tail -n1 "$log")"
        "${install[@]}" </dev/null >>"$log" 2>&1 ||
            fail "apt-get install failed: $(grep '^E:' "$log" | tail -n1) (see $log)"
    fi
)

install_packages() {  # of those given, what is missing
    local -a missing new_services=()
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} > 0)) || return 0
    [[ $EUID -eq 0 ]] || fail "run as root, or install first: ${missing[*]}"
    command -v apt-get >/dev/null || fail "no apt-get here (Debian 12 is needed); install by hand: ${missing[*]}"

    mkdir -p build/logs
    local log=build/logs/packages.log service
    echo "installing ${#missing[@]} packages (log: $log)"
    for service in "${services[@]}"; do
        has_service "$service" || new_services+=("$service")
    done
    run_apt_get "$log" "${missing[@]}"
    for service in "${new_services[@]}"; do
        disable_service "$service" >>"$log" 2>&1
    done
}

# Tools that pin BPF objects expect this file system; our own programs work without it.
mount_bpf_filesystem() {
    [[ $EUID -eq 0 && -d /sys/fs/bpf ]] || return 0
    grep -q ' /sys/fs/bpf bpf ' /proc/mounts && return 0
    mount -t bpf bpf /sys/fs/bpf 2>/dev/null || echo "bootstrap: cannot mount /sys/fs/bpf, ignoring" >&2
}

build() {
    mkdir -p build/logs
    local log=build/logs/build.log
    cmake --preset release >"$log" 2>&1 || { tail -n 25 "$log" >&2; fail "configuring failed (see $log)"; }
    cmake --build --preset release >>"$log" 2>&1 || {
        grep -m5 -A6 -E 'error:|FAILED:' "$log" >&2 || tail -n 25 "$log" >&2
        fail "building failed (see $log)"
    }
}

case ${1-all} in
    packages) install_packages "${packages[@]}" "${client_packages[@]}"; mount_bpf_filesystem ;;
    package) install_packages "${packages[@]}" "${package_packages[@]}" ;;
    vm) install_packages "${vm_packages[@]}" ;;
    bench) install_packages "${packages[@]}" "${bench_packages[@]}" ;;
    coverage) install_packages "${packages[@]}" "${coverage_packages[@]}" ;;
    lint) install_packages "${packages[@]}" "${lint_packages[@]}" ;;
    memcheck) install_packages "${packages[@]}" "${memcheck_packages[@]}" ;;
    plot) install_packages "${plot_packages[@]}" ;;
    build) build ;;
    all) install_packages "${packages[@]}"; mount_bpf_filesystem; build ;;
    *) fail "unknown argument $1; the beginning of this file has those there are" ;;
esac
