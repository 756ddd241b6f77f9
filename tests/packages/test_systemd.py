"""The packages on a machine of its own that systemd boots, with Debian 12's kernel: scripts/vm.sh -r. What happens
there is in under_systemd.sh; the machine is emulated, so that it says nothing about times."""

import shutil
import subprocess

import pytest
from debian_root import REPOSITORY
from test_packages import deb, higher_version

pytestmark = pytest.mark.long

# Both NICs and the switch, before anybody who configures interfaces.
NICS = """[Unit]
DefaultDependencies=no
After=systemd-modules-load.service
Before=network-pre.target in.mpathd.service
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec 'ip netns add switch; \
    ip -n switch link add sw0 type bridge; ip -n switch addr add 192.0.2.9/24 dev sw0; ip -n switch link set sw0 up; \
    for name in eth0 eth1; do \
        ip link add $name type veth peer name port-$name netns switch; \
        ip -n switch link set port-$name master sw0 up; \
    done'
[Install]
WantedBy=multi-user.target
"""


# Programs that configure every link they find, unless somebody says otherwise.
GREEDY_NETWORKD = "[Match]\nType=ether\n\n[Network]\nAddress=203.0.113.1/24\n"
UDEV_SAYS_NOTHING = 'ENV{ID_NET_DRIVER}=="veth", ENV{NM_UNMANAGED}="0"\n'  # it would spare NetworkManager every veth


def test_units_boot_watch_confine_and_go(root, packages, tmp_path):
    if subprocess.run([REPOSITORY / "scripts/bootstrap.sh", "vm"]).returncode != 0:
        pytest.skip("there is no emulated machine here")
    root.install("systemd", "systemd-sysv", "udev", "kmod", "dhcpcd-base", "dnsmasq-base", "network-manager",
                 deb(packages, "ipmp"))
    shutil.copy(higher_version(packages, tmp_path), root.path / "higher.deb")
    files = {
        "etc/systemd/system/nics.service": NICS,
        "etc/hostname.ipmp0": "ipmp 192.0.2.1/24 up\n",
        "etc/hostname.eth0": "group ipmp0 up\n",
        "etc/hostname.eth1": "group ipmp0 up\n",
        "etc/systemd/network/90-greedy.network": GREEDY_NETWORKD,
        "etc/udev/rules.d/99-greedy.rules": UDEV_SAYS_NOTHING,
        # As README.Debian says: who is in a group only the administrator knows.
        "etc/systemd/network/20-members.network": "[Match]\nName=eth*\n\n[Link]\nUnmanaged=yes\n",
        "etc/NetworkManager/conf.d/ipmp.conf": "[keyfile]\nunmanaged-devices+=interface-name:eth*\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    }
    for path, text in files.items():
        (root.path / path).write_text(text)
    wants = root.path / "etc/systemd/system/multi-user.target.wants"
    (wants / "nics.service").symlink_to("../nics.service")
    for unit in ("NetworkManager.service", "NetworkManager-wait-online.service", "NetworkManager-dispatcher.service"):
        for link in (root.path / "etc/systemd/system").glob(f"**/{unit}"):
            link.unlink()  # started when its turn comes
    for script in ("in_machine.sh", "under_systemd.sh"):
        shutil.copy(REPOSITORY / "tests/packages" / script, root.path)
    machine = subprocess.run([REPOSITORY / "scripts/vm.sh", "-r", root.path, "-t", "1200", "/under_systemd.sh"],
                             capture_output=True, text=True)
    print(machine.stdout, machine.stderr)
    assert machine.returncode == 0 and "== all is well" in machine.stdout
