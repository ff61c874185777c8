"""The arrows between the packages, what they load, and the sizes that keep them readable."""

import ast
import importlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("agent", "scorer", "prompts", "miniature")
HEAVY = ("torch", "transformers", "diffusers", "dspy", "litellm", "pandas", "scipy")
FILES = ("io", "os", "pathlib", "shutil", "tempfile")

TRAINING_FREE = ("miniature", "miniature.attributes", "miniature.words")
"""All of the miniature that the agent and the scorer may import."""
SCENES = (
    "miniature.captions",
    "miniature.finish",
    "miniature.palette",
    "miniature.scenes",
    "miniature.words",
)
"""What the scene backend may import besides: it draws what the miniature was trained on."""


def sources(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(file: Path) -> Iterator[str]:
    """The dotted names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield full if is_module(full) else module


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def wrong_imports(files: list[Path], forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in imports(file)
        if within(name, forbidden)
    ]


def test_scorer_prompts_and_miniature_import_nothing_of_the_agent():
    assert wrong_imports(sources("scorer", "prompts", "miniature"), ("agent",)) == []


def test_prompts_are_text_and_import_no_other_package():
    assert wrong_imports(sources("prompts"), ("agent", "scorer", "miniature")) == []


def test_the_search_is_pure():
    assert wrong_imports(sources("agent/search"), (*HEAVY, *FILES)) == []
    for file in sources("agent/search"):
        calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "open"], file


def test_miniature_itself_holds_paths_and_imports_only_pathlib():
    assert set(imports(ROOT / "miniature" / "__init__.py")) == {"pathlib"}


def test_agent_and_scorer_import_of_the_miniature_only_paths_attributes_and_words():
    scene_backend = ROOT / "agent" / "render" / "scene.py"
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sources("agent", "scorer")
        for name in imports(file)
        if within(name, ("miniature",))
        and name not in TRAINING_FREE
        and not (file == scene_backend and within(name, SCENES))
    ]
    assert wrong == []


def run_python(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("modules", ["agent, scorer", "agent.cli.main", "agent.search.beam"])
def test_importing_loads_no_heavy_library(modules: str):
    code = f"import sys, {modules}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"

    assert run_python(code) == ""


def cpu_seconds_of(command: list[str]) -> float:
    """What a command costs; unlike wall time the same on a machine that does other things too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_answers_within_half_a_second():
    command = [sys.executable, "-m", "agent.cli.main", "--help"]

    assert min(cpu_seconds_of(command) for _ in range(3)) < 0.5


def public_names(module: ModuleType) -> set[str]:
    """The classes and functions of this project that a module offers."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith(PACKAGES)
    }


@pytest.mark.parametrize("name", ["agent", "scorer"])
def test_all_lists_every_public_name_of_a_package(name: str):
    module = importlib.import_module(name)

    assert public_names(module) <= set(module.__all__)
    for public in module.__all__:
        assert getattr(module, public) is not None, public


def test_all_names_nothing_that_is_missing():
    for file in sources("agent", "scorer"):
        if "\n__all__ = [" in file.read_text(encoding="utf-8"):
            dotted = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(dotted.removesuffix(".__init__"))
            assert [name for name in module.__all__ if not hasattr(module, name)] == [], dotted


def test_files_and_functions_stay_readable():
    long_files = [file for file in sources(*PACKAGES) if len(file.read_text().splitlines()) > 400]
    long_functions = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in sources(*PACKAGES, "benchmarks")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= 50
    ]
    assert (long_files, long_functions) == ([], [])
