"""Pods, each with one thing that a Pod Security Standard speaks of, and the strictest level that
allows it. https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from typing import Any

from agentrun_operator.pod_security import Level

Object = dict[str, Any]
RESTRICTED, BASELINE, PRIVILEGED = Level.RESTRICTED, Level.BASELINE, Level.PRIVILEGED

POD_SECURITY: Object = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
SECURITY: Object = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
UNCONFINED = {"type": "Unconfined"}
LOCAL = {"type": "Localhost", "localhostProfile": "p.json"}


def container(name: str = "c", without: str = "", **fields: Any) -> Object:
    """A container that the restricted level allows, with these fields of its security context."""
    security = SECURITY | fields
    security.pop(without, None)
    return {"name": name, "image": "localhost/none:1", "securityContext": security}


def pod(annotations: Object | None = None, **spec: Any) -> Object:
    """A pod that the restricted level allows, with these fields of its spec."""
    whole = {"securityContext": POD_SECURITY, "containers": [container()]} | spec
    meta = {"annotations": annotations} if annotations else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": whole}


def of_pod(without: str = "", **fields: Any) -> Object:
    """A pod with these fields of its own security context."""
    security = POD_SECURITY | fields
    security.pop(without, None)
    return pod(securityContext=security)


def of_container(without: str = "", **fields: Any) -> Object:
    return pod(containers=[container(), container("other", without, **fields)])


def of_init(without: str = "", **fields: Any) -> Object:
    return pod(initContainers=[container("init", without, **fields)])


def of_sidecar(without: str = "", **fields: Any) -> Object:
    sidecar = container("sidecar", without, **fields) | {"restartPolicy": "Always"}
    return pod(initContainers=[sidecar])


def with_fields(**fields: Any) -> Object:
    """A pod with these fields of a container."""
    return pod(containers=[container() | fields])


def volume(**source: Any) -> Object:
    return pod(volumes=[{"name": "v", **source}])


def capabilities(drop: list[str], *add: str) -> Object:
    return of_container(capabilities={"drop": drop, "add": list(add)})


def sysctl(name: str, value: str) -> Object:
    return of_pod(sysctls=[{"name": name, "value": value}])


def apparmor_annotation(value: str) -> Object:
    return pod({"container.apparmor.security.beta.kubernetes.io/c": value})


def windows(**security: Any) -> Object:
    """A pod for a Windows node: it may not have what only Linux knows."""
    bare = {"name": "c", "image": "localhost/none:1"}
    security = {"runAsNonRoot": True} | security
    return pod(os={"name": "windows"}, securityContext=security, containers=[bare])


PORT = {"containerPort": 80}
GET, TCP = {"path": "/", "port": 80}, {"port": 80}
GET_ELSEWHERE, TCP_ELSEWHERE = GET | {"host": "10.0.0.1"}, TCP | {"host": "10.0.0.1"}
HOST_PROCESS = {"hostProcess": True}
CSI, NFS = {"driver": "d.example.com"}, {"server": "s", "path": "/"}
TOKEN = {"sources": [{"serviceAccountToken": {"path": "token"}}]}

CASES: list[tuple[str, Level, Object]] = [
    ("nothing", RESTRICTED, pod()),
    ("host-network", PRIVILEGED, pod(hostNetwork=True)),
    ("no-host-network", RESTRICTED, pod(hostNetwork=False)),
    ("host-pid", PRIVILEGED, pod(hostPID=True)),
    ("host-ipc", PRIVILEGED, pod(hostIPC=True)),
    ("windows", RESTRICTED, windows()),
    ("windows-as-administrator", BASELINE, windows(runAsNonRoot=False)),
    (
        "host-process",
        PRIVILEGED,
        windows(windowsOptions=HOST_PROCESS, runAsNonRoot=False)
        | {"spec": windows(windowsOptions=HOST_PROCESS)["spec"] | {"hostNetwork": True}},
    ),
    ("privileged", PRIVILEGED, of_container("allowPrivilegeEscalation", privileged=True)),
    ("not-privileged", RESTRICTED, of_container(privileged=False)),
    ("privileged-init", PRIVILEGED, of_init("allowPrivilegeEscalation", privileged=True)),
    ("privileged-sidecar", PRIVILEGED, of_sidecar("allowPrivilegeEscalation", privileged=True)),
    ("drops-all", RESTRICTED, capabilities(["ALL"])),
    ("drops-all-and-more", RESTRICTED, capabilities(["KILL", "ALL"])),
    ("drops-one", BASELINE, capabilities(["KILL"])),
    ("drops-all-in-small-letters", BASELINE, capabilities(["all"])),
    ("drops-none", BASELINE, of_container("capabilities")),
    ("drops-none-in-init", BASELINE, of_init("capabilities")),
    ("adds-bind", RESTRICTED, capabilities(["ALL"], "NET_BIND_SERVICE")),
    ("adds-chown", BASELINE, capabilities(["ALL"], "CHOWN")),
    ("adds-sys-chroot", BASELINE, capabilities(["ALL"], "SYS_CHROOT")),
    ("adds-net-raw", PRIVILEGED, capabilities(["ALL"], "NET_RAW")),
    ("adds-sys-admin", PRIVILEGED, capabilities(["ALL"], "CHOWN", "SYS_ADMIN")),
    ("adds-all", PRIVILEGED, capabilities([], "ALL")),
    ("adds-in-sidecar", PRIVILEGED, of_sidecar(capabilities={"add": ["NET_ADMIN"]})),
    ("host-path", PRIVILEGED, volume(hostPath={"path": "/"})),
    (
        "host-path-beside-others",
        PRIVILEGED,
        pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/etc"}}]),
    ),
    ("no-volume-type", RESTRICTED, volume()),
    ("null-host-path", RESTRICTED, volume(hostPath=None)),
    ("empty-dir", RESTRICTED, volume(emptyDir={})),
    ("config-map", RESTRICTED, volume(configMap={"name": "x"})),
    ("secret", RESTRICTED, volume(secret={"secretName": "x"})),
    ("downward-api", RESTRICTED, volume(downwardAPI={"items": []})),
    ("token", RESTRICTED, volume(projected=TOKEN)),
    ("claim", RESTRICTED, volume(persistentVolumeClaim={"claimName": "x"})),
    ("csi", RESTRICTED, volume(csi=CSI)),
    ("image-volume", RESTRICTED, volume(image={"reference": "localhost/none:1"})),
    ("nfs", BASELINE, volume(nfs=NFS)),
    ("iscsi", BASELINE, volume(iscsi={"targetPortal": "p", "iqn": "iqn.2026-01.a:b", "lun": 0})),
    ("cephfs", BASELINE, volume(cephfs={"monitors": ["m"]})),
    ("fibre-channel", BASELINE, volume(fc={"targetWWNs": ["w"], "lun": 0})),
    ("azure-file", BASELINE, volume(azureFile={"secretName": "s", "shareName": "n"})),
    ("disk-of-aws", BASELINE, volume(awsElasticBlockStore={"volumeID": "v"})),
    ("host-port", PRIVILEGED, with_fields(ports=[PORT, {"containerPort": 81, "hostPort": 81}])),
    ("host-port-0", RESTRICTED, with_fields(ports=[PORT | {"hostPort": 0}])),
    ("container-port", RESTRICTED, with_fields(ports=[PORT])),
    (
        "host-port-of-init",
        PRIVILEGED,
        pod(initContainers=[container("init") | {"ports": [PORT | {"hostPort": 80}]}]),
    ),
    ("probe", RESTRICTED, with_fields(livenessProbe={"httpGet": GET})),
    ("probe-elsewhere", PRIVILEGED, with_fields(livenessProbe={"httpGet": GET_ELSEWHERE})),
    ("readiness-elsewhere", PRIVILEGED, with_fields(readinessProbe={"tcpSocket": TCP_ELSEWHERE})),
    ("start-up-elsewhere", PRIVILEGED, with_fields(startupProbe={"httpGet": GET_ELSEWHERE})),
    ("hook", RESTRICTED, with_fields(lifecycle={"preStop": {"httpGet": GET}})),
    (
        "hook-elsewhere",
        PRIVILEGED,
        with_fields(lifecycle={"preStop": {"httpGet": GET_ELSEWHERE}}),
    ),
    (
        "first-hook-elsewhere",
        PRIVILEGED,
        with_fields(lifecycle={"postStart": {"tcpSocket": TCP_ELSEWHERE}}),
    ),
    ("apparmor", RESTRICTED, of_container(appArmorProfile={"type": "RuntimeDefault"})),
    ("apparmor-local", RESTRICTED, of_container(appArmorProfile=LOCAL)),
    ("apparmor-off", PRIVILEGED, of_container(appArmorProfile=UNCONFINED)),
    ("apparmor-off-for-the-pod", PRIVILEGED, of_pod(appArmorProfile=UNCONFINED)),
    ("apparmor-off-by-annotation", PRIVILEGED, apparmor_annotation("unconfined")),
    ("apparmor-by-annotation", RESTRICTED, apparmor_annotation("runtime/default")),
    ("apparmor-local-by-annotation", RESTRICTED, apparmor_annotation("localhost/p")),
    ("selinux-type", RESTRICTED, of_container(seLinuxOptions={"type": "container_t"})),
    ("selinux-engine", RESTRICTED, of_pod(seLinuxOptions={"type": "container_engine_t"})),
    ("selinux-level", RESTRICTED, of_container(seLinuxOptions={"level": "s0:c1,c2"})),
    ("selinux-other-type", PRIVILEGED, of_container(seLinuxOptions={"type": "spc_t"})),
    ("selinux-other-type-of-the-pod", PRIVILEGED, of_pod(seLinuxOptions={"type": "spc_t"})),
    ("selinux-user", PRIVILEGED, of_container(seLinuxOptions={"user": "u"})),
    ("selinux-role", PRIVILEGED, of_pod(seLinuxOptions={"role": "r"})),
    ("proc-default", RESTRICTED, of_container(procMount="Default")),
    (
        "proc-unmasked",
        BASELINE,
        of_container(procMount="Unmasked")
        | {"spec": of_container(procMount="Unmasked")["spec"] | {"hostUsers": False}},
    ),
    ("seccomp-off", PRIVILEGED, of_container(seccompProfile=UNCONFINED)),
    ("seccomp-off-for-the-pod", PRIVILEGED, of_pod(seccompProfile=UNCONFINED)),
    ("seccomp-local", RESTRICTED, of_container(seccompProfile=LOCAL)),
    ("seccomp-not-set", BASELINE, of_pod("seccompProfile")),
    (
        "seccomp-of-one-of-two",
        BASELINE,
        pod(
            securityContext={"runAsNonRoot": True},
            containers=[container("a", seccompProfile={"type": "RuntimeDefault"}), container("b")],
        ),
    ),
    (
        "seccomp-of-each-container",
        RESTRICTED,
        pod(
            securityContext={"runAsNonRoot": True},
            containers=[container("a", seccompProfile={"type": "RuntimeDefault"})],
        ),
    ),
    ("sysctl", RESTRICTED, sysctl("net.ipv4.tcp_syncookies", "1")),
    ("sysctl-rmem", RESTRICTED, sysctl("net.ipv4.tcp_rmem", "4096 131072 6291456")),
    ("sysctl-other", PRIVILEGED, sysctl("kernel.msgmax", "65536")),
    ("sysctl-with-slashes", PRIVILEGED, sysctl("net/ipv4/tcp_syncookies", "1")),
    ("escalation", BASELINE, of_container(allowPrivilegeEscalation=True)),
    ("escalation-not-set", BASELINE, of_container("allowPrivilegeEscalation")),
    ("escalation-in-sidecar", BASELINE, of_sidecar("allowPrivilegeEscalation")),
    ("may-be-root", BASELINE, of_container(runAsNonRoot=False)),
    ("may-be-root-in-init", BASELINE, of_init(runAsNonRoot=False)),
    ("non-root-not-set", BASELINE, of_pod("runAsNonRoot")),
    (
        "pod-may-be-root",
        BASELINE,
        pod(
            securityContext=POD_SECURITY | {"runAsNonRoot": False},
            containers=[container(runAsNonRoot=True)],
        ),
    ),
    (
        "non-root-of-each-container",
        RESTRICTED,
        pod(
            securityContext={"seccompProfile": {"type": "RuntimeDefault"}},
            containers=[container(runAsNonRoot=True)],
        ),
    ),
    ("user-0", BASELINE, of_container(runAsUser=0)),
    ("user-0-of-the-pod", BASELINE, of_pod(runAsUser=0)),
    ("user-1", RESTRICTED, of_container(runAsUser=1)),
    ("group-0", RESTRICTED, of_container(runAsGroup=0)),
    (
        "root-of-a-user-namespace",
        RESTRICTED,
        pod(hostUsers=False, containers=[container(runAsUser=0, runAsNonRoot=False)]),
    ),
    (
        "root-with-the-users-of-the-host",
        BASELINE,
        pod(hostUsers=True, containers=[container(runAsUser=0, runAsNonRoot=False)]),
    ),
    ("writable-root", RESTRICTED, of_container(readOnlyRootFilesystem=False)),
    ("shared-processes", RESTRICTED, pod(shareProcessNamespace=True)),
    ("own-service-account", RESTRICTED, pod(serviceAccountName="default")),
    ("null-security", BASELINE, with_fields(securityContext=None)),
]
