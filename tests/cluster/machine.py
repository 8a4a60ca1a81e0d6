"""What the engine and the node change on the whole machine, and how to restore it."""

import json
import shutil
import time
from pathlib import Path

from cluster.paths import CACHE, STATE
from cluster.shell import CommandError, run

# Set by systemd, kubelet and netavark; the cluster works without them.
SYSCTLS = (
    "fs/file-max",
    "fs/nr_open",
    "fs/protected_fifos",
    "fs/protected_hardlinks",
    "fs/protected_regular",
    "fs/protected_symlinks",
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/pid_max",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
# Made by podman, buildah and netavark outside of their configured directories.
FILES = (
    "/dev/shm/libpod_lock",
    "/run/containers",
    "/run/mount",
    "/run/netns",
    "/run/runc",
    "/var/lib/containers",
    *(f"/sys/fs/cgroup{controller}/libpod_parent" for controller in ("", "/*")),
)
NOTE = STATE / "before.json"


def note() -> None:
    """Record the machine's state, before the first use of podman."""
    if NOTE.exists():
        return
    STATE.mkdir(parents=True, exist_ok=True)
    before = {
        "cache": str(CACHE),
        "sysctls": {name: _sysctl(name).read_text() for name in SYSCTLS},
        "files": sorted(map(str, _files())),
    }
    temporary = NOTE.with_suffix(".new")
    temporary.write_text(json.dumps(before, indent=1))
    temporary.rename(NOTE)


def cache_in_use() -> Path | None:
    """The cache directory of the running cluster, if there is one."""
    return Path(json.loads(NOTE.read_text())["cache"]) if NOTE.exists() else None


def restore_sysctls() -> None:
    """Restore the kernel's settings."""
    for name, value in json.loads(NOTE.read_text())["sysctls"].items():
        if _sysctl(name).read_text() != value:
            _sysctl(name).write_text(value)


def restore() -> None:
    """Restore everything, once no container runs."""
    _wait_for_podman()
    restore_sysctls()
    _unmount_below(CACHE)
    before = json.loads(NOTE.read_text())["files"]
    for path in _files():
        if str(path) not in before:
            _remove(path)
    shutil.rmtree(STATE)


def _wait_for_podman() -> None:
    """Wait for the clean-up that podman runs in the background when a container has ended."""
    ours = str(CACHE / "podman").encode()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        commands = [_command_line(process) for process in Path("/proc").glob("[0-9]*")]
        if not any(ours in command for command in commands):
            return
        time.sleep(0.1)
    raise CommandError(f"processes that use {CACHE / 'podman'} do not end")


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""  # it has just ended


def _files() -> list[Path]:
    return [path for pattern in FILES for path in Path("/").glob(pattern.removeprefix("/"))]


def _remove(path: Path) -> None:
    _unmount_below(path)
    if path.is_relative_to("/sys/fs/cgroup"):
        for directory in sorted(path.rglob("*/"), reverse=True):
            directory.rmdir()
        path.rmdir()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _unmount_below(directory: Path) -> None:
    # Read again each time: an unmount also removes the mount's propagated copies.
    while mounts := [mount for mount in _mounts() if mount.is_relative_to(directory)]:
        run("umount", "--no-mtab", mounts[-1])


def _mounts() -> list[Path]:
    return [Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines()]


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name
