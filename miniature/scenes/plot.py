"""The piece of land that an environment furnishes, and where on it things may stand.

>>> Plot(clear=1.2).places(40, 6.0, rng)
"""

from dataclasses import dataclass

import numpy as np

from miniature.scenes.geometry import Floats


@dataclass(frozen=True, kw_only=True)
class Plot:
    """The piece of land that is furnished.

    Attributes:
        radius: where it ends; without one it reaches to the horizon.
        clear: how far from the origin nothing may stand.
        island: whether a lake has an island at the origin.
        distance: of the camera, which a studio has to have room for.
        big_window: whether a room opens widely behind the subject, to let the sun in.
    """

    radius: float | None = None
    clear: float = 1.5
    island: bool = True
    big_window: bool = False
    distance: float = 0.0

    def places(self, count: int, reach: float, rng: np.random.Generator) -> Floats:
        """Up to count random points (n, 3), none on the way from the camera to the subject."""
        inner = self.clear
        outer = min(reach, self.radius - 0.15) if self.radius else reach
        turns = rng.uniform(0, 2 * np.pi, count)
        away = np.sqrt(rng.uniform(inner**2, max(outer, inner + 0.1) ** 2, count))
        x, z = away * np.cos(turns), away * np.sin(turns)
        free = ~((z > 0.6) & (np.abs(x) < 0.8 + 0.12 * z))
        return np.stack([x, np.zeros(count), z], 1)[free]
