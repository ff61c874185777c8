"""The documentation cannot lie: its commands parse, and what it points at exists."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from agent.cli.main import build_parser
from agent.store import load_run, pixel_digest
from scorer.pictures import read_picture

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "examples/README.md",
    "runs/README.md",
    "docs/architecture.md",
    "docs/language-models.md",
    "docs/page.md",
)
IGNORED = ROOT / ".gitignore"
KEPT = "!/runs/2"
FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)")


def fenced_commands(document: str) -> list[list[str]]:
    """The commands in a document's shell blocks, as lists of words; comments are left out."""
    text = (ROOT / document).read_text(encoding="utf-8")
    lines = "\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    return [
        (document, words[1:])
        for document in DOCUMENTS
        for words in fenced_commands(document)
        if Path(words[0]).name == program
    ]


def is_accepted(arguments: list[str]) -> bool:
    try:
        build_parser().parse_args(arguments)
    except SystemExit as stopped:
        return stopped.code == 0
    return True


def test_readme_shows_every_way_to_use_it():
    assert {words[0] for _, words in commands_of("pamela-agent")} >= {"run", "show", "score"}


@pytest.mark.parametrize(("document", "words"), commands_of("pamela-agent"))
def test_documented_command_parses(document: str, words: list[str]):
    arguments = words[: words.index(">")] if ">" in words else words

    assert is_accepted(arguments), f"{document}: pamela-agent {shlex.join(words)}"


@pytest.mark.parametrize(("document", "words"), commands_of("python"))
def test_documented_module_exists(document: str, words: list[str]):
    assert words[0] == "-m", f"{document}: python {shlex.join(words)}"
    assert importlib.util.find_spec(words[1]) is not None, f"{document}: python -m {words[1]}"


@pytest.mark.parametrize(("document", "words"), commands_of("make"))
def test_documented_make_target_exists(document: str, words: list[str]):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {word for word in words if "=" not in word} <= set(targets), document


def test_the_kept_run_can_be_looked_at():
    tracked = [line[2:].strip("/") for line in IGNORED.read_text().splitlines() if KEPT in line]
    run = load_run(ROOT / tracked[0])
    images = [image for candidate in run.candidates for image in candidate.images]

    assert (run.status, run.prompt) == ("done", "floating mossy rocks")
    assert len(images) == 2 * len(run.candidates)
    for image in images:
        picture = read_picture(ROOT / tracked[0] / image.path)
        assert pixel_digest(picture) == image.sha256


def file_map() -> list[str]:
    """The paths in README's map: the first word of every line of its block."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("## The files", 1)[1].split("```")[1]
    return [line.split()[0] for line in block.splitlines()[1:] if line.strip()]


def test_everything_in_the_file_map_exists():
    assert [path for path in file_map() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("package", ["agent", "scorer", "miniature"])
def test_the_file_map_leaves_no_part_of_a_package_out(package: str):
    parts = {
        f"{package}/{path.name}/" if path.is_dir() else f"{package}/{path.name}"
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" or any(path.glob("*.py"))) and path.name != "__init__.py"
    }
    assert parts - set(file_map()) == set()


@pytest.mark.parametrize(
    "document", sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))
)
def test_links_between_documents_lead_somewhere(document: str):
    text = (ROOT / document).read_text(encoding="utf-8")
    missing = [
        link for link in LINK.findall(text) if not (ROOT / document).parent.joinpath(link).exists()
    ]
    assert missing == []
