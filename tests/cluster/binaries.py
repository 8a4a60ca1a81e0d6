"""The Go programs without a Debian package: each directory under go/ pins one, with checksums."""

import json
import re
import shutil
from pathlib import Path

from cluster.cache import cached, key
from cluster.paths import HERE, LOGS
from cluster.shell import run, run_long

GO = HERE / "go"


def version(directory: str, module: str) -> str:
    """The version of `module` that go/<directory>/go.mod requires, such as "v1.36.3"."""
    found = re.search(rf"{re.escape(module)} (v\S+)", (GO / directory / "go.mod").read_text())
    if not found:
        raise LookupError(f"{module} is not in {directory}/go.mod")
    return found[1]


def kubernetes() -> Path:
    """All of Kubernetes in one binary; its name selects the component.

    The longest of all builds: 10 to 20 minutes on two cores while Go's own cache is empty.
    """
    release = version("kubernetes", "k8s.io/kubernetes")
    major, minor, _ = release.removeprefix("v").split(".")
    facts = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    stamp = " ".join(f"-X k8s.io/component-base/version.{k}={v}" for k, v in facts.items())
    return _built("kubernetes", ".", stamp)


def etcd() -> Path:
    """The etcd server."""
    return _built("etcd", ".")


def kind() -> Path:
    """The kind command."""
    return _built("kind", "sigs.k8s.io/kind")


def kind_source() -> Path:
    """The source of kind, with the files of its node image."""
    module = run("go", "mod", "download", "-json", "sigs.k8s.io/kind", cwd=GO / "kind")
    return Path(json.loads(module)["Dir"])


def _built(name: str, package: str, stamp: str = "") -> Path:
    def build(target: Path) -> None:
        if not shutil.which("go"):
            raise LookupError(f"Go is missing: {name} is built from its source")
        run_long(
            f"building {name} from source",
            LOGS / f"build-{name}.log",
            *("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {stamp}"),
            *("-o", target, package),
            cwd=GO / name,
        )

    return cached(name, key(GO / name, stamp), build)
