import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.render.base import RenderRequest, RenderResult
from agent.render.batches import batches
from agent.render.cache import CachedRenderer, PictureFolder, picture_key

ROCKS = [RenderRequest("a rock", seed) for seed in range(10)]


class RoundingRenderer:
    """Draws one pixel that depends on the whole batch, as a model's rounding does."""

    def __init__(self, batch_size: int, version: str = "1") -> None:
        self.batch_size = batch_size
        self.version = version
        self.asked: list[list[int]] = []

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        for batch in batches(requests, self.batch_size):
            self.asked.append([request.seed for request in batch])
            for request in batch:
                if request.prompt == "refused":
                    yield RenderResult(request, error="refused")
                    continue
                told = json.dumps([asdict(request), [asdict(r) for r in batch]])
                colour = tuple(hashlib.sha256(told.encode()).digest()[:3])
                yield RenderResult(request, PIL.Image.new("RGB", (1, 1), colour))

    def fingerprint(self) -> str:
        return self.version

    def unread(self, prompt: str) -> str:
        return prompt[-1:]

    def warnings(self, prompt: str) -> list[str]:
        return [prompt]

    def describe(self) -> Mapping[str, str]:
        return {"renderer": "rounding"}


def drawn(renderer: CachedRenderer, requests: Sequence[RenderRequest]) -> list[bytes]:
    images = [result.image for result in renderer.render(list(requests))]
    return [image.tobytes() for image in images if image is not None]


def test_what_was_drawn_once_is_not_drawn_again(tmp_path: Path):
    first, second = RoundingRenderer(4), RoundingRenderer(4)
    before = drawn(CachedRenderer(first, tmp_path, batch_size=4), ROCKS)

    results = list(CachedRenderer(second, tmp_path, batch_size=4).render(ROCKS))

    assert second.asked == []
    assert [r.image.tobytes() for r in results if r.image] == before
    assert all(r.cached for r in results)


def test_a_batch_that_is_not_complete_is_drawn_as_it_was_formed(tmp_path: Path):
    first, second = RoundingRenderer(4), RoundingRenderer(4)
    before = drawn(CachedRenderer(first, tmp_path, batch_size=4), ROCKS)
    key = picture_key("1", ROCKS[4:8], 2)
    PictureFolder(tmp_path).path(key).unlink()

    after = drawn(CachedRenderer(second, tmp_path, batch_size=4), ROCKS)

    assert second.asked == [[4, 5, 6, 7]]
    assert after == before


@settings(max_examples=30)
@given(
    size=st.integers(1, 5),
    wanted=st.lists(st.integers(0, 9), max_size=12),
    earlier=st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=4),
)
def test_pictures_are_the_same_whatever_was_cached_before(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    wanted: list[int],
    earlier: list[list[int]],
):
    requests = [ROCKS[seed] for seed in wanted]
    empty, used = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("used")
    for seeds in earlier:
        renderer = CachedRenderer(RoundingRenderer(size), used, batch_size=size)
        drawn(renderer, [ROCKS[seed] for seed in seeds])

    expected = drawn(CachedRenderer(RoundingRenderer(size), empty, batch_size=size), requests)

    assert (
        drawn(CachedRenderer(RoundingRenderer(size), used, batch_size=size), requests) == expected
    )
    assert len(expected) == len(requests)


def test_single_pictures_are_asked_for_only_where_they_are_missing(tmp_path: Path):
    inner = RoundingRenderer(1)
    renderer = CachedRenderer(inner, tmp_path, batch_size=1)
    drawn(renderer, ROCKS[2:4])

    drawn(renderer, ROCKS[:5])

    assert inner.asked == [[2], [3], [0], [1], [4]]


def test_a_request_made_twice_is_paid_for_once(tmp_path: Path):
    inner = RoundingRenderer(1)

    pictures = drawn(CachedRenderer(inner, tmp_path, batch_size=1), [ROCKS[0], ROCKS[1], ROCKS[0]])

    assert inner.asked == [[0], [1]]
    assert pictures[0] == pictures[2] != pictures[1]


def test_other_weights_draw_anew(tmp_path: Path):
    drawn(CachedRenderer(RoundingRenderer(2), tmp_path, batch_size=2), ROCKS)
    changed = RoundingRenderer(2, version="2")

    drawn(CachedRenderer(changed, tmp_path, batch_size=2), ROCKS)

    assert len(changed.asked) == 5


def test_failures_are_not_kept(tmp_path: Path):
    inner = RoundingRenderer(1)
    renderer = CachedRenderer(inner, tmp_path, batch_size=1)
    refused = [RenderRequest("refused", 0)]

    results = [*renderer.render(refused), *renderer.render(refused)]

    assert [result.error for result in results] == ["refused", "refused"]
    assert inner.asked == [[0], [0]]


@pytest.mark.parametrize("damage", [b"", b"\x89PNG", None])
def test_a_damaged_file_is_drawn_again(tmp_path: Path, damage: bytes | None):
    renderer = CachedRenderer(RoundingRenderer(1), tmp_path, batch_size=1)
    before = drawn(renderer, ROCKS[:1])
    (file,) = tmp_path.glob("??/*.png")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] if damage is None else damage)

    assert drawn(renderer, ROCKS[:1]) == before
    assert file.read_bytes() == content


def test_a_folder_that_can_not_be_written_costs_only_the_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("in the way")
    renderer = CachedRenderer(RoundingRenderer(2), tmp_path / "file" / "x", batch_size=2)

    assert len(drawn(renderer, ROCKS)) == len(ROCKS)
    assert [record.message for record in caplog.records if "not cached" in record.message] == [
        caplog.records[0].message
    ]


WRITE_FOREVER = """
import sys, pathlib, numpy as np, PIL.Image
from agent.render.cache import PictureFolder
folder = PictureFolder(pathlib.Path(sys.argv[1]))
noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3), np.uint8)
picture = PIL.Image.fromarray(noise)
for number in range(10**6):
    folder.save(f"{number:064x}", picture)
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_no_half_file(tmp_path: Path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    with writer.stdout as progress:
        for _ in range(3):
            progress.readline()
        time.sleep(0.01)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()

    pictures = list(tmp_path.glob("??/*.png"))
    assert len(pictures) >= 3
    for path in pictures:
        with PIL.Image.open(path) as picture:
            assert picture.convert("RGB").size == (700, 700)


def test_unfinished_files_of_the_dead_are_tidied_up(tmp_path: Path):
    old, new = tmp_path / "unfinished" / "old", tmp_path / "unfinished" / "new"
    old.parent.mkdir()
    old.touch()
    new.touch()
    os.utime(old, (0, 0))

    PictureFolder(tmp_path).save("ab" * 32, PIL.Image.new("RGB", (1, 1)))

    assert not old.exists()
    assert new.exists()
