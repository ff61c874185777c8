"""The words of the project, kept apart from its code: instructions, the catalogue, benchmark lists.

    load("propose", axes="lighting, lens")     # prompts/instructions/propose.md, filled in
    benchmark("miniature")                     # ("floating mossy rocks", …)

The one rule that is not obvious: a placeholder that gets no value, and a value that has no
placeholder, are errors that name it; a text is never sent half filled in.
"""

from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent


def load(name: str, **values: object) -> str:
    """An instruction with its `$name` placeholders filled in; `$$` is a dollar sign.

    Raises:
        ValueError: there is no such instruction, or placeholders and values don't agree.
    """
    file = ROOT / "instructions" / f"{name}.md"
    if not file.is_file():
        known = ", ".join(sorted(other.stem for other in file.parent.glob("*.md")))
        raise ValueError(f"no instruction is called {name!r}: there are {known}")
    template = Template(file.read_text(encoding="utf-8").strip())
    placeholders = set(template.get_identifiers())
    _refuse(placeholders - set(values), f"instruction {name!r} needs a value for")
    _refuse(set(values) - placeholders, f"instruction {name!r} has no placeholder")
    return template.substitute(values)


def benchmark(name: str) -> tuple[str, ...]:
    """The prompts of `benchmark_<name>.txt`, one a line.

    Raises:
        ValueError: there is no such list.
    """
    file = ROOT / f"benchmark_{name}.txt"
    if not file.is_file():
        known = ", ".join(
            sorted(f.stem.removeprefix("benchmark_") for f in ROOT.glob("bench*.txt"))
        )
        raise ValueError(f"no benchmark list is called {name!r}: there are {known}")
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def _refuse(names: set[str], reason: str) -> None:
    if names:
        raise ValueError(f"{reason} {', '.join(f'${name}' for name in sorted(names))}")
