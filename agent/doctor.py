"""Looks at an installation: what is there, what is missing, and what to do about it.

    checks = examine(llm="openai/gpt-5-mini")
    healthy(checks)        # whether `pamela-agent run` can work with its defaults, and with these

The one rule that is not obvious: a check never raises and never shows a secret; of a key it says
whether it is set and nothing else.
"""

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agent.checks import Check
from agent.errors import PamelaError
from agent.retry import one_line

OLDEST_PYTHON = (3, 11)
PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "sentence-transformers",
    "dspy-ai",
    "openai",
    "accelerate",
    "safetensors",
    "pydantic",
    "numpy",
    "scipy",
    "pillow",
)
EXTRA = {
    "mitsuba": "for --renderer scene: pip install 'pamela-agent[miniature]'",
    "trimesh": "for --renderer scene: pip install 'pamela-agent[miniature]'",
    "llguidance": "for --llm transformers:…: pip install 'pamela-agent[constrained]'",
    "fastapi": "for view: pip install 'pamela-agent[view]'",
    "uvicorn": "for view: pip install 'pamela-agent[view]'",
    "pandas": "for runs as tables: pip install 'pamela-agent[tables]'",
    "pyarrow": "for runs as tables: pip install 'pamela-agent[tables]'",
    "mlflow-skinny": "for --track mlflow: pip install 'pamela-agent[mlflow]'",
    "alembic": "for --track mlflow: pip install 'pamela-agent[mlflow]'",
    "sqlalchemy": "for --track mlflow: pip install 'pamela-agent[mlflow]'",
    "optuna": "for compile --optimizer mipro: pip install 'pamela-agent[mipro]'",
    "protobuf": "for --scorer qalign: pip install 'pamela-agent[qalign]'",
    "sentencepiece": "for --scorer qalign: pip install 'pamela-agent[qalign]'",
}
"""Packages that only some parts need, and what to do where they are missing."""
KEYS = (
    "PAMELA_LLM_KEY_FILE",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "OPENROUTER_API_KEY",
    "HF_TOKEN",
)
MODELS = {
    "renderer": ("vae/*.safetensors", "transformer/*.safetensors"),
    "encoder": ("model.safetensors", "projection.safetensors"),
    "predictor": (
        "model.safetensors",
        "adaptation.safetensors",
        "bank.safetensors",
        "average/model.safetensors",
    ),
}
"""The files that belong to each embedded model."""
REINSTALL = "install the package again: pip install --force-reinstall pamela-agent"


def examine(
    *,
    llm: str | None = None,
    llm_base_url: str | None = None,
    renderer: str | None = None,
    scorer: str | None = None,
) -> list[Check]:
    """All checks, in the order in which they are shown; of the parts, those that are named."""
    from agent.usable import check_llm, check_renderer, check_scorer

    named: list[Callable[[], Check]] = []
    if llm is not None:
        named.append(lambda: check_llm(llm, base_url=llm_base_url))
    if renderer is not None:
        named.append(lambda: check_renderer(renderer))
    if scorer is not None:
        named.append(lambda: check_scorer(scorer))
    parts: list[tuple[str, Callable[[], list[Check]]]] = [
        ("python", _python),
        ("packages", lambda: [_package(name) for name in PACKAGES]),
        ("devices", _devices),
        ("sentence encoder", _sentence_encoder),
        ("weights", lambda: [_weights(name) for name in MODELS]),
        ("cache", _cache),
        ("extras", lambda: [_extra(name) for name in EXTRA]),
        ("keys", lambda: [_key(name) for name in KEYS]),
        ("named parts", lambda: [check() for check in named]),
    ]
    return [check for name, part in parts for check in _looked_at(name, part)]


def healthy(checks: Sequence[Check]) -> bool:
    """Whether nothing is missing that a run with the default settings needs."""
    return all(check.ok for check in checks if check.required)


def _looked_at(name: str, part: Callable[[], list[Check]]) -> list[Check]:
    try:
        return part()
    except PamelaError as error:
        return [Check(name, ok=False, detail=str(error))]
    except Exception as error:  # noqa: BLE001 - whatever breaks here is what is to be reported
        return [Check(name, ok=False, detail=one_line(error), fix=REINSTALL)]


def _python() -> list[Check]:
    needed = ".".join(map(str, OLDEST_PYTHON))
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return [Check("python", sys.version_info >= OLDEST_PYTHON, found, f"use Python {needed}")]


def _package(name: str) -> Check:
    try:
        return Check(name, ok=True, detail=version(name))
    except PackageNotFoundError:
        return Check(name, ok=False, detail="not installed", fix=f"pip install {name}")


def _devices() -> list[Check]:
    import torch

    from scorer.device import computes_bfloat16

    found = [("cpu", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads")]
    if torch.cuda.is_available():
        found += [("cuda", torch.cuda.get_device_name(n)) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append(("mps", "Apple GPU"))
    formats = {True: "bfloat16", False: "no bfloat16"}
    return [
        Check(f"device {kind}", ok=True, detail=f"{words}, {formats[computes_bfloat16(kind)]}")
        for kind, words in found
    ]


def _sentence_encoder() -> list[Check]:
    from scorer.minilm import SHA256, minilm_folder

    minilm_folder()
    return [Check("sentence encoder", ok=True, detail=f"all-MiniLM-L6-v2, SHA-256 {SHA256[:12]}…")]


def _weights(name: str) -> Check:
    from miniature import WEIGHTS

    missing = [pattern for pattern in MODELS[name] if not list((WEIGHTS / name).glob(pattern))]
    if missing:
        fix = f"{REINSTALL}, or train them: python -m miniature.{name}"
        detail = f"{', '.join(missing)} not found"
        return Check(f"weights {name}", ok=False, detail=detail, fix=fix)
    files = sorted((WEIGHTS / name).rglob("*.safetensors"))
    digest = hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files))
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    detail = f"{megabytes:.1f} MB in {len(files)} files, SHA-256 {digest.hexdigest()[:12]}…"
    return Check(f"weights {name}", ok=True, detail=detail)


def _cache() -> list[Check]:
    from scorer.cache import cache_folder

    folder = cache_folder()
    megabytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    detail = f"{folder}, {megabytes:.1f} MB"
    fix = "set PAMELA_CACHE_DIR to a folder that can be written; until then nothing is kept"
    return [Check("cache", _can_write(folder), detail, fix, required=False)]


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _extra(name: str) -> Check:
    found = _package(name)
    return Check(name, found.ok, found.detail, EXTRA[name], required=False)


def _key(name: str) -> Check:
    there = bool(os.environ.get(name))
    fix = f"only models that ask for it need it: export {name}=…"
    return Check(name, there, "set" if there else "not set", fix, required=False)
