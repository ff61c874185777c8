"""A run that goes on, with the best that it has found so far in the place of what it will choose.

    run = so_far(found.run)

A beam is chosen when an iteration ends, so until the first one does, the run's own best is the
user's prompt whatever was scored meanwhile. What has ended is left as it is.
"""

from agent.gain import search_gain
from agent.look.family import is_measured
from agent.trajectory import Gain, Trajectory


def so_far(run: Trajectory) -> Trajectory:
    """The run, its best the highest score so far while it goes on; pure."""
    scored = [c for c in run.candidates if c.status == "scored" and is_measured(c.score)]
    if run.status != "running" or not scored:
        return run
    best = max(scored, key=lambda candidate: candidate.score or 0.0)  # the first of equals
    edited = any(candidate.parent is not None for candidate in scored)
    gain = Gain(search=search_gain(run.initial, best)) if edited else Gain()
    return run.model_copy(update={"best": best, "gain": gain})
