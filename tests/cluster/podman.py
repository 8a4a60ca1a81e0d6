"""The container engine without Docker: Debian's podman, with its own storage."""

import os
import resource
from pathlib import Path
from string import Template

from cluster.cache import key, scratch
from cluster.paths import CACHE, HERE, LOGS, STATE
from cluster.shell import run, run_long, succeeds

HOME = CACHE / "podman"
STORAGE = HOME / "storage"
RUN = STATE / "podman"
CONTAINERS_CONF = HOME / "containers.conf"
STORAGE_CONF = HOME / "storage.conf"
COMMAND = HERE / "podman" / "podman"

ENVIRONMENT = {
    "CONTAINERS_CONF": str(CONTAINERS_CONF),
    "CONTAINERS_STORAGE_CONF": str(STORAGE_CONF),
    "KIND_EXPERIMENTAL_PROVIDER": "podman",
    # kind calls the first podman on PATH.
    "PATH": f"{COMMAND.parent}:{os.environ['PATH']}",
}


def configure() -> None:
    """Write podman's and buildah's configuration. Some machine needed each of its options."""
    open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    # podman lowers its own limit to kernel.pid_max, and cannot raise it again for a container.
    most = int(Path("/proc/sys/kernel/pid_max").read_text())
    values = {
        "storage": STORAGE,
        "run": RUN,
        "networks": HOME / "networks",
        "open_files": open_files,
        "processes": most if processes == resource.RLIM_INFINITY else min(processes, most),
    }
    HOME.mkdir(parents=True, exist_ok=True)
    for target in (CONTAINERS_CONF, STORAGE_CONF):
        template = Template((HERE / "podman" / target.name).read_text())
        target.write_text(template.substitute(values))


def has_image(image: str) -> bool:
    """Whether an image exists."""
    return succeeds(COMMAND, "image", "exists", image)


def keep_only(image: str) -> None:
    """Remove the other versions of a built image: the cache keeps the newest of each."""
    name = image.rpartition(":")[0]
    listed = run(COMMAND, "images", "--format", "{{.Repository}}:{{.Tag}}", name)
    for other in set(listed.split()) - {image}:
        succeeds(COMMAND, "rmi", other)  # fails if a container still uses it
    # Layers of intermediate steps speed up the next build, and are removed after two days.
    run(COMMAND, "image", "prune", "--force", "--filter=until=48h")


def build(image: str, context: Path, containerfile: Path, **arguments: str) -> None:
    """Build an image with Debian's buildah, from the context and local images only."""
    build_args = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    run_long(
        f"building {image}",
        LOGS / f"build-{image.rpartition('/')[2].partition(':')[0]}.log",
        *("buildah", "bud", "--isolation=chroot", "--layers", "--pull-never", *build_args),
        *("--file", containerfile, "--tag", image, context),
        env=ENVIRONMENT,
    )
    keep_only(image)


def root_file_system(name: str) -> str:
    """The image of a minimal Debian with the packages in <name>/packages."""
    packages = (HERE / name / "packages").read_text().split()
    image = f"localhost/agentrun-{name}-rootfs:{key('bookworm', *packages)}"
    if not has_image(image):
        with scratch() as directory:
            archive = directory / "rootfs.tar"
            run_long(
                f"installing Debian for {name} ({len(packages)} packages and what they need)",
                LOGS / f"debian-{name}.log",
                *("mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"),
                "--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*",
                *("bookworm", archive),
            )
            run(COMMAND, "import", archive, image)
        keep_only(image)
    return image


def python_image() -> str:
    """The base image of the project's images: Debian's Python, with the paths of python:*-slim."""
    directory = HERE / "python"
    image = f"localhost/agentrun-python:{key(directory)}"
    if not has_image(image):
        build(image, directory, directory / "Containerfile", ROOTFS=root_file_system("python"))
    return image
