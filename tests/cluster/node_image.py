"""The image of a kind node, built where kind's published one cannot be pulled.

It has what kind's has: Debian, kind's own files, Kubernetes, and in containerd's store the images
of the control plane, so that a cluster starts without a registry.
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster import binaries, podman
from cluster.cache import key, scratch
from cluster.paths import HERE
from cluster.shell import run, say, succeeds

BUILDER = "agentrun-node-build"


def reference() -> str:
    """The image's name. Its tag changes with everything that it is made from."""
    sources = [HERE / name for name in ("node", "control-plane", "pause", "go", "node_image.py")]
    return f"localhost/agentrun-node:{key(*sources)}"


def node_image() -> str:
    """The image's name, once it is built."""
    image = reference()
    if not podman.has_image(image):
        _build(image)
        podman.keep_only(image)
    return image


def _build(image: str) -> None:
    # The compiler uses all cores for minutes; Debian comes over the network meanwhile.
    with ThreadPoolExecutor() as pool:
        kubernetes, etcd = pool.submit(binaries.kubernetes), pool.submit(binaries.etcd)
        node = podman.root_file_system("node")
        small = podman.root_file_system("control-plane")
    with scratch() as context:
        shutil.copy(kubernetes.result(), context / "kubernetes")
        shutil.copy(etcd.result(), context / "etcd")
        shutil.copytree(binaries.kind_source() / "images/base/files", context / "kind")
        shutil.copytree(HERE / "node" / "files", context / "files")
        base = _image("node", context, node)
        control_plane = _image("control-plane", context, small)
        pause = _image("pause", context, small)
        archive = context / "images.tar"
        _save(archive, context, control_plane, pause)
        _commit_with_images(image, base, archive)


def _image(name: str, context: Path, root_file_system: str) -> str:
    image = f"localhost/agentrun-{name}-part:latest"
    podman.build(image, context, HERE / name / "Containerfile", ROOTFS=root_file_system)
    return image


def _save(archive: Path, context: Path, control_plane: str, pause: str) -> None:
    """Save the images under the names that kubeadm and containerd will ask for."""
    (context / "kubeadm").symlink_to("kubernetes")
    release = binaries.version("kubernetes", "k8s.io/kubernetes")
    listed = run(context / "kubeadm", "config", "images", "list", f"--kubernetes-version={release}")
    # Our cluster has no CoreDNS. The pause image has its name from containerd's configuration.
    names = [name for name in listed.split() if not re.search("coredns|pause", name)]
    config = (context / "kind/etc/containerd/config.toml").read_text()
    sandbox = re.search(r'sandbox_image = "(.+)"', config)
    if not sandbox:
        raise LookupError("kind's containerd configuration names no sandbox_image")
    for name in names:
        run(podman.COMMAND, "tag", control_plane, name)
    run(podman.COMMAND, "tag", pause, sandbox[1])
    names.append(sandbox[1])
    run(podman.COMMAND, "save", "--multi-image-archive", "--output", archive, *names)
    run(podman.COMMAND, "untag", control_plane, *names[:-1])
    run(podman.COMMAND, "untag", pause, sandbox[1])


def _commit_with_images(image: str, base: str, archive: Path) -> None:
    """Import the archive into the node's containerd, as `kind build node-image` does."""
    say("loading the control plane's images into the node image")
    succeeds(podman.COMMAND, "rm", "--force", BUILDER)  # left by a build that was cut off
    run(
        *(podman.COMMAND, "run", "--detach", "--name", BUILDER, "--network=none"),
        *("--security-opt=seccomp=unconfined", f"--volume={archive}:/kind/images.tar:ro"),
        *("--entrypoint=containerd", base),
    )
    containerd = (podman.COMMAND, "exec", BUILDER, "ctr", "--namespace=k8s.io")
    while not succeeds(*containerd, "version"):
        # Fails, and so ends the loop, if containerd has ended.
        run(podman.COMMAND, "exec", BUILDER, "true")
    run(
        *(*containerd, "images", "import", "--all-platforms", "--no-unpack", "--digests"),
        "/kind/images.tar",
    )
    run(podman.COMMAND, "stop", BUILDER)
    run(
        *(podman.COMMAND, "commit", "--quiet", "--change=CMD="),
        *('--change=ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]', BUILDER, image),
    )
    run(podman.COMMAND, "rm", BUILDER)
