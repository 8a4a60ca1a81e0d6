"""The layers of the runner image's modules."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "runner-image"
TOP = {"supervisor", "cli", "__main__"}
"""The runner's entry points, which import all its other files."""

LAYERS = [
    "store",
    "store checkpointer",
    "store tool",
    "runner",
    "python_agent",
    "runtimes",
    "runner top",
]
"""From the lowest up: each imports from itself and from those before it."""

CHECKPOINTER = {"checkpointer", "async_in_threads", "decoding"}


def room(module: tuple[str, ...]) -> str:
    package, *rest = module
    if package == "agentrun_store":
        if rest[:1] in (["tool"], ["__main__"]):
            return "store tool"
        return "store checkpointer" if rest[:1] and rest[0] in CHECKPOINTER else "store"
    if rest[:1] in (["python_agent"], ["runtimes"]):
        return rest[0]
    return "runner top" if rest and rest[0] in TOP else "runner"


def is_module(name: tuple[str, ...]) -> bool:
    path = IMAGE.joinpath(*name)
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports_of(path: Path) -> Iterator[tuple[str, ...]]:
    """The runner image's modules that a file imports, also inside of functions."""
    package = path.relative_to(IMAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            for alias in node.names:
                yield (*base, alias.name) if is_module((*base, alias.name)) else base
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)


FILES = sorted(IMAGE.glob("agentrun_*/**/*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(IMAGE)))
def test_a_file_imports_from_its_own_layer_and_those_below(path: Path) -> None:
    parts = path.relative_to(IMAGE).with_suffix("").parts
    own = room(parts if parts[-1] != "__init__" else parts[:-1])
    for module in imports_of(path):
        if module and module[0] in ("agentrun_store", "agentrun_runner"):
            assert LAYERS.index(room(module)) <= LAYERS.index(own), f"imports {'.'.join(module)}"
            assert not (parts[0] == "agentrun_store" and module[0] == "agentrun_runner")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(IMAGE)))
def test_a_package_imports_its_own_files_by_relative_names(path: Path) -> None:
    package = path.relative_to(IMAGE).parts[0]
    if path.relative_to(IMAGE).parts[1:] == ("__main__.py",):
        return  # also started as a directory, where it has no package
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] != package


def test_the_runtimes_do_not_import_each_other() -> None:
    for path in (IMAGE / "agentrun_runner" / "runtimes").rglob("*.py"):
        own = path.relative_to(IMAGE / "agentrun_runner" / "runtimes").with_suffix("").parts[0]
        for module in imports_of(path):
            if own != "__init__" and module[:2] == ("agentrun_runner", "runtimes"):
                assert module[2:3] in ((), (own,)), f"{path} imports {'.'.join(module)}"
