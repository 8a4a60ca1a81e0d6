"""Where things are."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]

# Of this checkout, not in Git: the way to the cluster.
LOCAL = CHECKOUT / ".cluster"
KUBECONFIG = LOCAL / "kubeconfig"
BIN = LOCAL / "bin"

# Built things cost minutes, so they outlive checkouts.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentrun"
LOGS = CACHE / "logs"

# What is true only while the cluster runs.
STATE = Path("/run/agentrun")
