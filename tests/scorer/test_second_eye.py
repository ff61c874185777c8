"""The second tower: probabilities of attributes' values, the same after it was written."""

from pathlib import Path

import pytest
import torch

from scorer.second_eye import SecondEye, load_second_eye, save_second_eye
from tests.scorer.tiny import tiny_second_eye


@pytest.fixture
def eye() -> SecondEye:
    torch.manual_seed(0)
    return tiny_second_eye()


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@torch.inference_mode()
def test_the_values_of_an_attribute_share_its_probability(eye: SecondEye, pixels: torch.Tensor):
    found = eye(pixels)
    assert found.shape == (6, 5)
    assert (found >= 0).all()
    for values in (found[:, :3], found[:, 3:]):
        torch.testing.assert_close(values.sum(1), torch.ones(6))


@torch.inference_mode()
def test_a_mirror_image_is_the_same_picture(eye: SecondEye, pixels: torch.Tensor):
    torch.testing.assert_close(eye(pixels), eye(pixels.flip(-1)))
    one_way = eye.body(pixel_values=pixels).pooler_output
    assert not torch.allclose(one_way, eye.body(pixel_values=pixels.flip(-1)).pooler_output)


@torch.inference_mode()
def test_features_are_standardised(eye: SecondEye, pixels: torch.Tensor):
    likely = torch.rand(50, 5)
    eye.standardised(likely)
    torch.testing.assert_close(eye.features(pixels), (eye(pixels) - likely.mean(0)) / likely.std(0))


@torch.inference_mode()
def test_what_hardly_varies_is_not_blown_up(eye: SecondEye):
    assert eye.standardised(torch.full((9, 5), 0.2)).spread.min() >= 0.01


@torch.inference_mode()
def test_a_written_one_sees_the_same(eye: SecondEye, pixels: torch.Tensor, tmp_path: Path):
    eye.standardised(torch.rand(50, 5))
    before = eye.features(pixels)
    save_second_eye(tmp_path, eye)
    torch.testing.assert_close(
        load_second_eye(tmp_path, torch.device("cpu")).features(pixels), before
    )


@torch.inference_mode()
def test_halves_are_read_as_wholes(eye: SecondEye, pixels: torch.Tensor, tmp_path: Path):
    before = eye(pixels)
    save_second_eye(tmp_path, eye, torch.float16)
    found = load_second_eye(tmp_path, torch.device("cpu"))(pixels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, before, atol=2e-3, rtol=0)
