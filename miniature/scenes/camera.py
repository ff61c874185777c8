"""Where the camera stands: an angle of view and a framing made into a position.

    >>> camera = aim("low", "wide", subject.points, rng)

The distance follows from how much of the frame the subject is to fill, not the other way round,
so that a chair and a tower look equally large in the same shot.
"""

from dataclasses import dataclass

import numpy as np

from miniature.attributes import CameraAngle, Shot
from miniature.scenes.geometry import Floats

FIELD_OF_VIEW = 40.0
FILL: dict[Shot, tuple[float, float]] = {
    "close": (0.94, 1.08),
    "medium": (0.56, 0.66),
    "wide": (0.30, 0.36),
}
ELEVATION: dict[CameraAngle, tuple[float, float]] = {
    "low": (0, 0),
    "eye level": (4, 9),
    "high": (35, 41),
    "bird's-eye": (73, 83),
}
LOW_PITCH = 15.0


@dataclass(frozen=True)
class Camera:
    """A perspective camera with a square frame; up is +y."""

    origin: Floats
    target: Floats

    @property
    def axes(self) -> Floats:
        """Right, up and forward as rows (3, 3)."""
        forward = self.target - self.origin
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(right, forward), forward])

    def project(self, points: Floats) -> Floats:
        """Frame coordinates (n, 2) of points: -1 to 1, right and up; behind the camera, far out."""
        right, up, depth = self.axes @ (points - self.origin).T
        scale = np.maximum(depth, 1e-3) * np.tan(np.radians(FIELD_OF_VIEW / 2))
        return np.stack([right / scale, up / scale], 1)


def aim(angle: CameraAngle, shot: Shot, points: Floats, rng: np.random.Generator) -> Camera:
    """Stand where the points fill as much of the frame as the shot asks for."""
    fill = rng.uniform(*FILL[shot])
    if angle == "bird's-eye":
        fill = max(fill, 0.36)
    elevation = rng.uniform(*ELEVATION[angle])
    height = rng.uniform(0.16, 0.3)
    distance = 8.0
    for _ in range(6):
        camera = _stand(angle, points, distance, elevation=elevation, height=height)
        spread = np.ptp(camera.project(points), axis=0) / 2
        distance *= np.clip(max(spread[1], spread[0] * 0.9) / fill, 0.5, 2)
    return _stand(angle, points, distance, elevation=elevation, height=height)


def _stand(
    angle: CameraAngle, points: Floats, distance: float, *, elevation: float, height: float
) -> Camera:
    centre = (points.min(0) + points.max(0)) / 2
    if angle == "low":
        origin = np.array([0, height, distance])
        slope = np.degrees(np.arctan2(centre[1] - height, distance))
        pitch = np.radians(max(slope, LOW_PITCH))
        return Camera(origin, origin + np.array([0, np.sin(pitch), -np.cos(pitch)]))
    back = np.array([0, np.sin(np.radians(elevation)), np.cos(np.radians(elevation))])
    return Camera(centre + distance * back, centre)
