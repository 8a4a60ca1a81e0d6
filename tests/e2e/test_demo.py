"""The guided tour: the demo itself checks each of its steps."""

import os
import subprocess

import pytest

from cluster.paths import CHECKOUT
from demo.setting import NAMESPACE

from .kubectl import delete, get


@pytest.mark.timeout(300, func_only=True)  # it pauses so that its readers can follow
def test_make_demo_tells_a_true_story(cluster: str) -> None:
    """In a namespace of its own, with the deployed operator."""
    result = subprocess.run(
        ["make", "-o", "deploy", "demo"],
        cwd=CHECKOUT,
        env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "The story is true" in result.stdout
    if get("namespace", "", NAMESPACE) is not None:
        delete("namespace", "", NAMESPACE)
