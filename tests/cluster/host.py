"""The packages that a machine without Docker needs."""

import os
import shutil
from pathlib import Path

from cluster.paths import LOGS
from cluster.shell import run_long

# Debian package -> a file that shows that it is installed.
PACKAGES = {
    "buildah": "/usr/bin/buildah",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "iproute2": "/usr/bin/ip",
    "iptables": "/usr/sbin/iptables",
    "mmdebstrap": "/usr/bin/mmdebstrap",
    "netavark": "/usr/lib/podman/netavark",
    "podman": "/usr/bin/podman",
    "runc": "/usr/sbin/runc",
}


def prepare() -> None:
    """Install the missing packages. Raises LookupError that says what the user has to do."""
    if os.geteuid() != 0:
        raise LookupError(
            "there is no Docker engine here (`docker info` fails), and without one this needs root:"
            " start Docker, or run as root"
        )
    missing = [package for package, file in PACKAGES.items() if not Path(file).exists()]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise LookupError(f"these packages are missing: {', '.join(missing)}")
    quietly = {"DEBIAN_FRONTEND": "noninteractive"}
    run_long("apt-get update", LOGS / "apt-update.log", "apt-get", "update", env=quietly)
    run_long(
        f"apt-get install {' '.join(missing)}",
        LOGS / "apt-install.log",
        *("apt-get", "install", "--yes", "--no-install-recommends", *missing),
        env=quietly,
    )
