"""The supervisor imports the store before anything else: it must be light."""

import subprocess
import sys
from pathlib import Path

import agentrun_store

PACKAGE = Path(agentrun_store.__file__).parent
NOT_CORE = {"checkpointer", "async_in_threads", "decoding", "values", "__main__", "__init__"}
CORE = sorted({path.stem for path in PACKAGE.glob("*.py")} - NOT_CORE)


def test_the_core_needs_the_standard_library_only() -> None:
    # -I and -S: no site-packages to import from.
    imports = "; ".join(f"import agentrun_store.{module}" for module in CORE)
    code = f"import sys; sys.path.append({str(PACKAGE.parent)!r}); {imports}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
