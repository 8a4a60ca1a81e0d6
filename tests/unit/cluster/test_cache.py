"""The cache of builds returns no stale and no partial build."""

from pathlib import Path

import pytest

from cluster import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    monkeypatch.setattr(cache, "TEMPORARY", tmp_path / "tmp")


def test_a_build_that_failed_halfway_is_repeated() -> None:
    def fail_halfway(target: Path) -> None:
        target.write_text("half")
        raise RuntimeError("no space left")

    with pytest.raises(RuntimeError):
        cache.cached("thing", "k", fail_halfway)
    thing = cache.cached("thing", "k", lambda target: _write(target, "whole"))
    assert thing.read_text() == "whole"


def test_a_cached_build_is_not_built_again() -> None:
    cache.cached("thing", "k", lambda target: _write(target, "first"))
    thing = cache.cached("thing", "k", lambda target: _write(target, "second"))
    assert thing.read_text() == "first"


@pytest.mark.parametrize("change", ["content", "name", "mode", "added", "elsewhere"])
def test_every_change_of_an_input_changes_the_key(tmp_path: Path, change: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    script = source / "script"
    script.write_text("echo")
    before = cache.key(source, "v1")
    if change == "content":
        script.write_text("echo 2")
    elif change == "name":
        script.rename(source / "other")
    elif change == "mode":
        script.chmod(0o755)
    elif change == "added":
        (source / "more").touch()
    version = "v2" if change == "elsewhere" else "v1"
    assert cache.key(source, version) != before


def test_the_key_depends_on_where_one_input_ends_and_the_next_begins() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")


def test_compiled_python_files_do_not_change_the_key(tmp_path: Path) -> None:
    before = cache.key(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "module.pyc").touch()
    assert cache.key(tmp_path) == before


def _write(target: Path, text: str) -> None:
    target.write_text(text)
