"""The project's images: built when their content is new, and loaded into the node."""

import re
import shutil
import sys
from pathlib import Path

from cluster import kind, podman
from cluster.cache import cached, key, only_one, scratch
from cluster.engine import docker, engine, node_exec
from cluster.paths import CHECKOUT, LOGS
from cluster.shell import run_long, say

# Image name -> the directory that is its build context.
CONTEXTS = {"agentrun-operator": "operator", "agentrun-runner": "runner-image"}

# The platforms of wheels that a recent Debian can use, newest first.
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
ASK_PYTHON = "import platform as p; print(*p.python_version_tuple()[:2], p.machine())"


@only_one()
def provide(name: str) -> str:
    """Build an image and load it into the node, each only if its content is new there.

    Returns the image's name with a tag made from the content. Raises CommandError.
    """
    context = CHECKOUT / CONTEXTS[name]
    base = _published_base(context) if docker() else podman.python_image()
    image = f"localhost/{name}:{key(context, base)}"
    if image not in node_exec("ctr", "--namespace=k8s.io", "images", "list", "--quiet").split():
        if not engine("images", "--quiet", image).strip():
            _build(image, context, base)
        say(f"loading {image} into the node")
        kind.load(image)
    return image


def _build(image: str, context: Path, base: str) -> None:
    arguments = {"PYTHON_IMAGE": base, "PIP_ARGS": "--no-index --find-links=wheels"}
    with scratch() as directory:
        copy = directory / "context"
        shutil.copytree(context, copy, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(_wheels(context / "requirements.txt", base), copy / "wheels")
        if not docker():
            podman.build(image, copy, copy / "Dockerfile", **arguments)
            return
        run_long(
            f"building {image}",
            LOGS / f"build-{context.name}.log",
            *("docker", "build", "--network=none", f"--tag={image}"),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            copy,
        )


def _wheels(requirements: Path, base: str) -> Path:
    """The directory with the wheels for the Python of a base image.

    pip downloads them on the host, with the host's configuration: a build has no network.
    """
    major, minor, machine = engine(
        *("run", "--rm", "--network=none", "--entrypoint=python3", base, "-c", ASK_PYTHON)
    ).split()
    target = [f"--python-version={major}.{minor}"]
    target += [f"--platform={platform}_{machine}" for platform in PLATFORMS]

    def download(directory: Path) -> None:
        run_long(
            f"downloading the wheels of {requirements.parent.name}/{requirements.name}",
            LOGS / "pip-download.log",
            *(sys.executable, "-m", "pip", "download", "--require-hashes", "--only-binary=:all:"),
            *(*target, "--dest", str(directory), "--requirement", str(requirements)),
        )

    return cached("wheels", key(requirements, *target), download)


def _published_base(context: Path) -> str:
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)", (context / "Dockerfile").read_text(), re.M)
    if not found:
        raise LookupError(f"{context.name}/Dockerfile has no line ARG PYTHON_IMAGE=...")
    return found[1]
