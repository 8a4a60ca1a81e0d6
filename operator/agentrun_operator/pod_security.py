"""The Pod Security Standards: what of a pod a level does not allow.

The rules are those of version "latest" of the standard in Kubernetes 1.36:
https://kubernetes.io/docs/concepts/security/pod-security-standards/
A pod is taken as it is written in JSON, before the API server has seen it. Values of a type that
the field cannot have count as not allowed, and so do volume types that the standard does not know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agentrun_kube.objects import Object

from .untyped import as_list, as_object, safe_name, shown


class Level(StrEnum):
    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"


@dataclass(frozen=True)
class Violation:
    field: str
    value: str  # as `shown` gives it

    def __str__(self) -> str:
        return f"{self.field} is {self.value}"


NOT_SET = "not set"
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
PROFILES = ("RuntimeDefault", "Localhost")  # of AppArmor and of seccomp
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)


def violations(pod: Object, level: Level) -> list[Violation]:
    """What the level does not allow of a pod or a pod template, with ``metadata`` and ``spec``."""
    if level == Level.PRIVILEGED:
        return []
    spec = as_object(pod.get("spec"))
    contexts = list(_security_contexts(spec))
    found = [*_of_pod(pod), *_of_containers(spec)]
    for path, context in contexts:
        found += _of_context(path, context)
    if level == Level.BASELINE:
        return found + _only_baseline(spec)
    return found + _restricted(spec)


def containers(spec: Object) -> Iterator[tuple[str, Object]]:
    """Every container of a pod's spec, with its field path."""
    for field in CONTAINER_LISTS:
        for index, container in enumerate(as_list(spec.get(field))):
            name = as_object(container).get("name")
            yield f"spec.{field}[{safe_name(name, index)}]", as_object(container)


def _violation(field: str, value: Any) -> Violation:
    return Violation(field, NOT_SET if value is None else shown(value))


def _security_contexts(spec: Object) -> Iterator[tuple[str, Object]]:
    """Those of the pod and of every container."""
    yield "spec.securityContext", as_object(spec.get("securityContext"))
    yield from _container_contexts(spec)


def _container_contexts(spec: Object) -> Iterator[tuple[str, Object]]:
    for path, container in containers(spec):
        yield f"{path}.securityContext", as_object(container.get("securityContext"))


def _of_pod(pod: Object) -> Iterator[Violation]:
    spec = as_object(pod.get("spec"))
    for field in HOST_NAMESPACES:
        if not _unset_or(spec.get(field), False):
            yield _violation(f"spec.{field}", spec[field])
    for index, sysctl in enumerate(as_list(as_object(spec.get("securityContext")).get("sysctls"))):
        name = as_object(sysctl).get("name")
        if not _among(name, SYSCTLS):
            yield _violation(f"spec.securityContext.sysctls[{index}].name", name)
    annotations = as_object(as_object(pod.get("metadata")).get("annotations"))
    for key, value in annotations.items():
        if str(key).startswith(APPARMOR_ANNOTATION) and not (
            value in (None, "", "runtime/default") or str(value).startswith("localhost/")
        ):
            container = safe_name(key.removeprefix(APPARMOR_ANNOTATION), 0)
            field = f"metadata.annotations[{APPARMOR_ANNOTATION}{container}]"
            yield _violation(field, value)


def _of_containers(spec: Object) -> Iterator[Violation]:
    for path, container in containers(spec):
        privileged = as_object(container.get("securityContext")).get("privileged")
        if not _unset_or(privileged, False):
            yield _violation(f"{path}.securityContext.privileged", privileged)
        for index, port in enumerate(as_list(container.get("ports"))):
            host_port = as_object(port).get("hostPort")
            if not _unset_or(host_port, 0):
                yield _violation(f"{path}.ports[{index}].hostPort", host_port)
        lifecycle = as_object(container.get("lifecycle"))
        handlers = [(f"{path}.{probe}", container.get(probe)) for probe in PROBES]
        handlers += [(f"{path}.lifecycle.{hook}", lifecycle.get(hook)) for hook in HOOKS]
        for where, handler in handlers:
            for kind in ("httpGet", "tcpSocket"):
                host = as_object(as_object(handler).get(kind)).get("host")
                if not _unset_or(host, ""):
                    yield _violation(f"{where}.{kind}.host", host)


def _of_context(path: str, context: Object) -> Iterator[Violation]:
    """What is not allowed at both levels in the security context of a pod or of a container."""
    host_process = as_object(context.get("windowsOptions")).get("hostProcess")
    if not _unset_or(host_process, False):
        yield _violation(f"{path}.windowsOptions.hostProcess", host_process)
    apparmor = context.get("appArmorProfile")
    if apparmor is not None and not _among(as_object(apparmor).get("type"), PROFILES):
        yield _violation(f"{path}.appArmorProfile.type", as_object(apparmor).get("type"))
    selinux = as_object(context.get("seLinuxOptions"))
    if selinux.get("type") is not None and not _among(selinux["type"], SELINUX_TYPES):
        yield _violation(f"{path}.seLinuxOptions.type", selinux["type"])
    for field in ("user", "role"):
        if not _unset_or(selinux.get(field), ""):
            yield _violation(f"{path}.seLinuxOptions.{field}", selinux[field])


def _only_baseline(spec: Object) -> list[Violation]:
    """Rules that the restricted level has in a stricter form."""
    found = []
    for path, context in _security_contexts(spec):
        profile = context.get("seccompProfile")
        if profile is not None and not _among(as_object(profile).get("type"), PROFILES):
            found.append(_violation(f"{path}.seccompProfile.type", as_object(profile).get("type")))
    for path, context in _container_contexts(spec):
        found += _added_capabilities(path, context, CAPABILITIES)
    for field, source, value in _volume_sources(spec):
        if source == "hostPath":
            found.append(_violation(field, value))
    return found if _has_user_namespace(spec) else found + _proc_mounts(spec)


def _restricted(spec: Object) -> list[Violation]:
    found = [
        _violation(field, value)
        for field, source, value in _volume_sources(spec)
        if source not in VOLUMES
    ]
    found += _proc_mounts(spec)
    if not _has_user_namespace(spec):
        found += _root_users(spec)
    if as_object(spec.get("os")).get("name") == "windows":
        return found
    found += _seccomp_not_set(spec)
    for path, context in _container_contexts(spec):
        if context.get("allowPrivilegeEscalation") is not False:
            field = f"{path}.allowPrivilegeEscalation"
            found.append(_violation(field, context.get("allowPrivilegeEscalation")))
        capabilities = as_object(context.get("capabilities"))
        if "ALL" not in as_list(capabilities.get("drop")):
            found.append(Violation(f"{path}.capabilities.drop", 'without "ALL"'))
        found += _added_capabilities(path, context, {"NET_BIND_SERVICE"})
    return found


def _root_users(spec: Object) -> list[Violation]:
    of_pod = as_object(spec.get("securityContext")).get("runAsNonRoot")
    found = []
    for path, context in _security_contexts(spec):
        if not _unset_or(context.get("runAsNonRoot"), True):
            found.append(_violation(f"{path}.runAsNonRoot", context["runAsNonRoot"]))
        if context.get("runAsUser") == 0:
            found.append(_violation(f"{path}.runAsUser", context["runAsUser"]))
    if of_pod is None:
        for path, context in _container_contexts(spec):
            if context.get("runAsNonRoot") is None:
                found.append(_violation(f"{path}.runAsNonRoot", None))
    return found


def _seccomp_not_set(spec: Object) -> list[Violation]:
    """Profiles that are not allowed, and containers for which neither they nor the pod set one."""
    of_pod = as_object(spec.get("securityContext")).get("seccompProfile")
    found = []
    for path, context in _security_contexts(spec):
        profile = context.get("seccompProfile")
        is_inherited = profile is None and (path == "spec.securityContext" or of_pod is not None)
        if not is_inherited and not _among(as_object(profile).get("type"), PROFILES):
            found.append(_violation(f"{path}.seccompProfile.type", as_object(profile).get("type")))
    return found


def _added_capabilities(path: str, context: Object, allowed: Any) -> list[Violation]:
    added = as_list(as_object(context.get("capabilities")).get("add"))
    return [
        _violation(f"{path}.capabilities.add[{index}]", capability)
        for index, capability in enumerate(added)
        if not _among(capability, allowed)
    ]


def _proc_mounts(spec: Object) -> list[Violation]:
    return [
        _violation(f"{path}.procMount", context["procMount"])
        for path, context in _container_contexts(spec)
        if not _unset_or(context.get("procMount"), "Default")
    ]


def _volume_sources(spec: Object) -> Iterator[tuple[str, str, Any]]:
    """Field path, type and value of every source of every volume."""
    for index, volume in enumerate(as_list(spec.get("volumes"))):
        name = safe_name(as_object(volume).get("name"), index)
        for source, value in as_object(volume).items():
            if source != "name" and value is not None:
                yield f"spec.volumes[{name}].{safe_name(source, 0)}", source, value


def _has_user_namespace(spec: Object) -> bool:
    """Root of a user namespace is not root of the node."""
    return spec.get("hostUsers") is False


def _unset_or(value: Any, allowed: Any) -> bool:
    return value is None or value == allowed


def _among(value: Any, allowed: Any) -> bool:
    return isinstance(value, str) and value in allowed
