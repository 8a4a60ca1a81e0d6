"""Which part of the operator's image may import which: nothing points up, or in a circle."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OPERATOR = Path(__file__).parents[3] / "operator"
KUBE, OURS = "agentrun_kube", "agentrun_operator"

# From the bottom up: a folder or a file of agentrun_operator, and the layer that it is on. Each may
# import what is below it.
LAYERS = (
    ("clock", "untyped", "logs"),
    ("pod_security", "lease"),
    ("installation",),
    ("settings", "run_file", "facts"),
    ("resources",),
    ("events", "state"),
    ("admission", "cleanups"),
    ("runs.plan", "runs.refusals", "runs.view"),
    ("runs.policy",),
    ("runs",),
    ("controller",),
    ("health",),
    ("__main__",),
)


def modules(package: str) -> dict[str, Path]:
    """The files of the package by their names; that of a folder is its ``__init__``."""
    found = {}
    for path in (OPERATOR / package).rglob("*.py"):
        parts = path.relative_to(OPERATOR).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


FILES = modules(KUBE) | modules(OURS)


def imports(module: str) -> Iterator[str]:
    """The modules that a file imports, ours by the name of their file."""
    folder = module.split(".")[: None if FILES[module].name == "__init__.py" else -1]
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(base, names, level):
                start = folder[: len(folder) - level + 1] if level else []
                full = ".".join([*start, *([base] if base else [])])
                for alias in names:
                    inner = f"{full}.{alias.name}"
                    yield inner if inner in FILES else full


def place(module: str) -> tuple[int, str]:
    """The layer of a module and the entry there that it belongs to: the longest that fits."""
    name = f"{module.removeprefix(f'{OURS}.')}."
    fits = [(e, n) for n, entries in enumerate(LAYERS) for e in entries if name.startswith(f"{e}.")]
    entry, number = max(fits, key=lambda fit: len(fit[0]))
    return number, entry


@pytest.mark.parametrize("module", sorted(modules(OURS).keys() - {OURS}))
def test_no_import_of_the_operator_points_up(module: str) -> None:
    """So no folders import each other in a circle either: what is on one layer stays apart."""
    here = place(module)
    for other in imports(module):
        if other.startswith(f"{OURS}."):
            assert place(other) == here or place(other)[0] < here[0], other


@pytest.mark.parametrize("module", sorted(modules(KUBE)))
def test_agentrun_kube_imports_nothing_of_ours_outside_itself(module: str) -> None:
    assert [other for other in imports(module) if other.split(".")[0] == OURS] == []


@pytest.mark.parametrize("module", ["names", "vocabulary"])
def test_names_and_vocabulary_import_the_standard_library_only(module: str) -> None:
    others = {other.split(".")[0] for other in imports(f"{KUBE}.{module}")}
    assert others <= sys.stdlib_module_names


@pytest.mark.parametrize("package", [KUBE, OURS])
def test_no_files_import_each_other_in_a_circle(package: str) -> None:
    open_files = {m: {o for o in imports(m) if o in modules(package)} for m in modules(package)}
    while leaves := {module for module, others in open_files.items() if not others}:
        open_files = {m: others - leaves for m, others in open_files.items() if m not in leaves}
    assert open_files == {}
