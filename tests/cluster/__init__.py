"""The local cluster, for the Makefile (`python -m cluster`) and for the tests on it.

Standard library only: it runs before the development environment exists.
"""

from cluster.audit import audit_log
from cluster.engine import in_node, node_exec
from cluster.kind import kubectl
from cluster.network import ways_out
from cluster.paths import KUBECONFIG

__all__ = ["KUBECONFIG", "audit_log", "in_node", "kubectl", "node_exec", "ways_out"]
