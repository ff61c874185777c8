"""The subjects, each about two units high and standing on y = 0.

    >>> subject = build_subject("house", "red", mossy=False, yaw=20.0, rng=rng)

A subject has a body, which takes the colour and the material, and a trim that keeps its own. Each
has a top of its own, so that it can be told from the others seen from above, and those that have a
front look along +z, towards the camera.
"""

import numpy as np

from miniature import attributes
from miniature.scenes.subjects import buildings, figures, nature, things, vehicles
from miniature.scenes.subjects.parts import COLOURS, Builder, Subject

BUILDERS: dict[str, Builder] = {
    **nature.BUILDERS,
    **buildings.BUILDERS,
    **vehicles.BUILDERS,
    **figures.BUILDERS,
    **things.BUILDERS,
}


def build_subject(
    name: attributes.Subject,
    colour: attributes.Colour | None,
    *,
    mossy: bool,
    yaw: float,
    rng: np.random.Generator,
) -> Subject:
    """Build a subject, turned by `yaw` degrees; without a colour it has its natural one."""
    paint = None if colour is None else COLOURS[colour]
    subject = nature.mossy_rock(paint, rng) if mossy else BUILDERS[name](paint, rng)
    return Subject(subject.body.turned("y", yaw), subject.trim.turned("y", yaw))
