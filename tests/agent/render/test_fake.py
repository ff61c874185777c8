import numpy as np
import pytest

from agent.render.base import RenderRequest
from agent.render.fake import FakeRenderer


def pixels(request: RenderRequest, size: tuple[int, int] | None = None) -> np.ndarray:
    (result,) = FakeRenderer(size).render([request])
    assert result.image is not None
    return np.asarray(result.image).astype(int)


def test_equal_requests_give_equal_pictures():
    request = RenderRequest("a rock", 3)

    assert (pixels(request) == pixels(request)).all()


@pytest.mark.parametrize("other", [RenderRequest("a rock", 4), RenderRequest("a rock ", 3)])
def test_another_seed_or_letter_gives_another_picture(other: RenderRequest):
    assert np.abs(pixels(RenderRequest("a rock", 3)) - pixels(other)).mean() > 5


def test_neighbouring_pixels_are_alike():
    picture = pixels(RenderRequest("a rock", 3))

    assert np.abs(np.diff(picture, axis=0)).max() < 24
    assert picture.std() > 5


def test_a_request_s_size_comes_before_the_renderer_s():
    assert pixels(RenderRequest("a", 0), (20, 10)).shape == (10, 20, 3)
    assert pixels(RenderRequest("a", 0, width=8, height=9), (20, 10)).shape == (9, 8, 3)


def test_any_text_can_be_drawn():
    assert pixels(RenderRequest("\x00\ud800 🪨 ../<b>", 0)).shape == (64, 64, 3)
