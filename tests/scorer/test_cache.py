"""The feature cache under several processes, and under one that is killed while it writes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from scorer.cache import CachedEncoder
from scorer.encoders import PictureFeatures
from tests.scorer.synthetic import SyntheticEncoder

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
import numpy as np
import PIL.Image
from scorer.cache import CachedEncoder
from tests.scorer.synthetic import SyntheticEncoder
from tests.scorer.test_cache import pictures
print("ready", flush=True)
while True:
    CachedEncoder(SyntheticEncoder(), Path(sys.argv[1])).encode_images(pictures())
    if sys.argv[2] == "once":
        break
    for file in Path(sys.argv[1]).rglob("*.safetensors"):
        file.unlink(missing_ok=True)
"""


def pictures() -> list[PIL.Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    return [PIL.Image.fromarray(frame) for frame in noise]


def writer(folder: Path, times: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), times],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    with started.stdout as said:
        assert said.readline() == "ready\n"
    return started


class Silent(SyntheticEncoder):
    """Fails if it is asked to see anything."""

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        raise AssertionError(f"{images!r} should have been in the cache")


def expected() -> np.ndarray:
    return SyntheticEncoder().encode_images(pictures()).visual


def test_several_writers_leave_what_each_would_alone(tmp_path: Path):
    several = [writer(tmp_path, "once") for _ in range(3)]
    assert [each.wait(timeout=60) for each in several] == [0, 0, 0]
    found = CachedEncoder(Silent(), tmp_path).encode_images(pictures()).visual
    np.testing.assert_array_equal(found, expected())
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_writer_that_is_killed_leaves_nothing_that_is_read_wrongly(tmp_path: Path):
    started = writer(tmp_path, "forever")
    time.sleep(0.5)
    started.send_signal(signal.SIGKILL)
    started.wait(timeout=60)
    found = CachedEncoder(SyntheticEncoder(), tmp_path).encode_images(pictures()).visual
    np.testing.assert_array_equal(found, expected())
    again = CachedEncoder(Silent(), tmp_path).encode_images(pictures()).visual
    np.testing.assert_array_equal(again, expected())


def test_features_of_another_encoder_are_not_taken(tmp_path: Path):
    class Other(SyntheticEncoder):
        id = "other"

        def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
            found = super().encode_images(images)
            return PictureFeatures(found.visual + 1, found.joint)

    CachedEncoder(SyntheticEncoder(), tmp_path).encode_images(pictures())
    found = CachedEncoder(Other(), tmp_path).encode_images(pictures()).visual
    np.testing.assert_array_equal(found, expected() + 1)
