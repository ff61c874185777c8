"""What all tests share: no network, a cache of their own, fixed seeds, checked tensor shapes.

The environment is set while this file is imported, because the libraries read it once.
"""

import atexit
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parents[1]
SECRETS = (
    "PAMELA_LLM_KEY_FILE",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "HF_TOKEN",
)


def modules_with_shapes(*packages: str) -> list[str]:
    """The modules that give tensor shapes: their calls are checked while the tests run."""
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for package in packages
        for file in sorted((ROOT / package).rglob("*.py"))
        if "from jaxtyping import" in file.read_text(encoding="utf-8")
    ]


def set_environment() -> None:
    cache = tempfile.mkdtemp(prefix="pamela-test-cache-")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ.update(
        {
            "PAMELA_CACHE_DIR": cache,
            "DSPY_CACHEDIR": str(Path(cache) / "dspy"),
            "HF_HUB_OFFLINE": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
    )
    for name in SECRETS:
        os.environ.pop(name, None)


set_environment()
install_import_hook(modules_with_shapes("agent", "scorer", "miniature"), "beartype.beartype")
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Every test starts from the same random state, whichever ran before it."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
