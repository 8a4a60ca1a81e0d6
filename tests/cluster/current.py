"""CLUSTER=current: the cluster of the current kubectl context instead of the local one."""

import os

from cluster.paths import BIN, KUBECONFIG, LOCAL
from cluster.shell import run


def chosen() -> bool:
    """Whether the user set CLUSTER=current. Raises LookupError for another value."""
    value = os.environ.get("CLUSTER", "")
    if value not in ("", "current"):
        raise LookupError(f"CLUSTER={value}: only CLUSTER=current has a meaning")
    return value == "current"


def use() -> None:
    """Point `.cluster/kubeconfig` to the cluster of the current context; change nothing in it."""
    config = run("kubectl", "config", "view", "--minify", "--flatten", "--raw")
    context = run("kubectl", "config", "current-context").strip()
    LOCAL.mkdir(exist_ok=True)
    (BIN / "kubectl").unlink(missing_ok=True)  # the local cluster's
    KUBECONFIG.touch(mode=0o600)
    KUBECONFIG.write_text(config)
    print(f"using the current context, {context}, as asked with CLUSTER=current\n{KUBECONFIG}")


def image(variable: str) -> str:
    """The image that the user names for this cluster."""
    name = os.environ.get(variable)
    if not name:
        raise LookupError(
            f"with CLUSTER=current nothing is loaded into the cluster's nodes: push the image to a"
            f" registry that they can pull from, and say {variable}=<its name>"
        )
    return name
