"""What ships: sizes, number formats, a card for every folder."""

from pathlib import Path

import pytest
from safetensors import safe_open

from miniature import WEIGHTS
from scorer.miniature_encoder import MiniatureEncoder, adherence_limits

FOLDERS = ("renderer", "encoder", "predictor", "perception", "judge")
FILES = sorted(WEIGHTS.rglob("*.safetensors"))
COVARIANCES = "adaptation.safetensors"
"""180 kB, which 16 bit would spoil."""


def test_all_weights_together_are_at_most_60_mb():
    assert 10e6 < sum(file.stat().st_size for file in FILES) <= 60e6


@pytest.mark.parametrize("file", [file for file in FILES if file.name != COVARIANCES], ids=str)
def test_weights_have_16_bit(file: Path):
    with safe_open(str(file), framework="pt") as stored:
        kinds = {str(stored.get_tensor(name).dtype) for name in stored.keys()}  # noqa: SIM118
    assert kinds <= {"torch.float16", "torch.bfloat16", "torch.int64"}


@pytest.mark.parametrize("name", FOLDERS)
def test_every_model_has_a_card(name: str):
    card = (WEIGHTS / name / "README.md").read_text()
    for heading in ("**Data:**", "**Training:**", "**Figures:**", "**What it can't do:**"):
        assert heading in card


def test_the_limits_of_adherence_belong_to_the_encoder_that_ships():
    limits = adherence_limits(MiniatureEncoder(WEIGHTS / "encoder").id)
    assert limits is not None
    assert -1 < limits.unknown < 1
    assert 0 < limits.tolerance < 1
    assert adherence_limits("siglip:google/siglip2-so400m-patch14-384") is None
