"""Where the camera stands: an angle of view and a framing made into a position.

    >>> camera = aim("low", "wide", subject.points, rng)

The distance follows from how much of the frame the subject is to fill, not the other way round,
so that a chair and a tower look equally large in the same shot.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from miniature.attributes import CameraAngle, Shot
from miniature.scenes.geometry import Floats

FIELD_OF_VIEW = 40.0
WIDE_ANGLE = 78.0
"""Degrees; the worm's-eye view is taken with a wide-angle lens."""
FILL: dict[Shot, tuple[float, float]] = {
    "close": (1.2, 1.32),
    "medium": (0.84, 0.92),
    "full": (0.58, 0.64),
    "wide": (0.37, 0.42),
}
ELEVATION: dict[CameraAngle, tuple[float, float]] = {
    "low": (0, 0),
    "eye level": (4, 9),
    "high": (29, 35),
    "bird's-eye": (59, 67),
    "dutch tilt": (4, 9),
    "worm's-eye": (0, 0),
}
ROLL = (16.0, 26.0)
LOW_PITCH = 15.0
WORM_PITCH = 33.0
WORM_FILL = 0.72
"""A wide-angle lens shows everything smaller: how large a subject is in the same shot."""
NEAREST = 0.6
"""How close to the subject a camera on the ground may come."""


@dataclass(frozen=True)
class Camera:
    """A perspective camera with a square frame; up is +y, but for a roll in degrees."""

    origin: Floats
    target: Floats
    roll: float = 0.0
    field_of_view: float = FIELD_OF_VIEW

    @property
    def axes(self) -> Floats:
        """Right, up and forward as rows (3, 3)."""
        forward = self.target - self.origin
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        cosine, sine = np.cos(np.radians(self.roll)), np.sin(np.radians(self.roll))
        return np.stack([cosine * right + sine * up, cosine * up - sine * right, forward])

    def project(self, points: Floats) -> Floats:
        """Frame coordinates (n, 2) of points: -1 to 1, right and up; behind the camera, far out."""
        right, up, depth = self.axes @ (points - self.origin).T
        scale = np.maximum(depth, 1e-3) * np.tan(np.radians(self.field_of_view / 2))
        return np.stack([right / scale, up / scale], 1)


def aim(angle: CameraAngle, shot: Shot, points: Floats, rng: np.random.Generator) -> Camera:
    """Stand where the points fill as much of the frame as the shot asks for."""
    fill = rng.uniform(*FILL[shot])
    if angle == "worm's-eye":
        fill *= WORM_FILL
    elevation = rng.uniform(*ELEVATION[angle])
    roll = rng.uniform(*ROLL) * rng.choice((-1, 1)) if angle == "dutch tilt" else 0.0
    stand = partial(
        _stand, angle, points, elevation=elevation, height=rng.uniform(0.16, 0.3), roll=roll
    )
    nearest = NEAREST + np.linalg.norm(points[:, ::2], axis=1).max() if on_ground(angle) else 0.0
    distance = 8.0
    for _ in range(6):
        camera = stand(distance)
        spread = np.ptp(camera.project(points), axis=0) / 2
        distance *= np.clip(max(spread[1], spread[0] * 0.9) / fill, 0.5, 2)
        distance = max(distance, nearest)
    return stand(distance)


def on_ground(angle: CameraAngle) -> bool:
    """Whether the camera lies on the ground and looks up."""
    return angle in ("low", "worm's-eye")


def _stand(
    angle: CameraAngle,
    points: Floats,
    distance: float,
    *,
    elevation: float,
    height: float,
    roll: float,
) -> Camera:
    centre = (points.min(0) + points.max(0)) / 2
    if on_ground(angle):
        worm = angle == "worm's-eye"
        height = 0.8 * height if worm else height
        origin = np.array([0, height, distance])
        slope = np.degrees(np.arctan2(centre[1] - height, distance))
        pitch = np.radians(max(slope, WORM_PITCH if worm else LOW_PITCH))
        ahead = origin + np.array([0, np.sin(pitch), -np.cos(pitch)])
        return Camera(origin, ahead, field_of_view=WIDE_ANGLE if worm else FIELD_OF_VIEW)
    back = np.array([0, np.sin(np.radians(elevation)), np.cos(np.radians(elevation))])
    return Camera(centre + distance * back, centre, roll)
