"""The supervisor imports the store before anything else: it must be light."""

import subprocess
import sys
from pathlib import Path

import pytest

import agentrun_store

PACKAGE = Path(agentrun_store.__file__).parent
LANGGRAPH = {"checkpointer", "async_in_threads", "decoding", "shown", "commands", "cli", "__main__"}
CORE = sorted({path.stem for path in PACKAGE.glob("*.py")} - LANGGRAPH - {"__init__"})


@pytest.mark.parametrize("module", CORE)
def test_a_core_module_needs_the_standard_library_only(module: str) -> None:
    # -I and -S: no site-packages to import from.
    code = f"import sys; sys.path.append({str(PACKAGE.parent)!r}); import agentrun_store.{module}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
