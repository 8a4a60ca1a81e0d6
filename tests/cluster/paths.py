"""The paths of the cluster's files."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]

# Of this checkout, not in Git: its access to the cluster.
LOCAL = CHECKOUT / ".cluster"
KUBECONFIG = LOCAL / "kubeconfig"
BIN = LOCAL / "bin"

# Builds take minutes, so their results outlive checkouts.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentrun"
LOGS = CACHE / "logs"

# State that is valid only while the cluster runs.
STATE = Path("/run/agentrun")
