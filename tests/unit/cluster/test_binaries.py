"""The Go programs of the cluster."""

import os
from pathlib import Path

import pytest

from cluster import binaries

# On a machine that has downloaded nothing, as the real one answers.
GO = """#!/bin/sh
case "$*" in
  "list -m -f {{.Dir}} sigs.k8s.io/kind") echo ;;
  "mod download -json sigs.k8s.io/kind") echo '{"Path": "sigs.k8s.io/kind", "Dir": "/mod/kind"}' ;;
  *) exit 1 ;;
esac
"""


def test_the_source_of_kind_is_downloaded_on_a_new_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    go.write_text(GO)
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert binaries.kind_source() == Path("/mod/kind")
