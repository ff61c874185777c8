"""Checks what `pamela-agent run --json` and `doctor --json` printed: `check_run.py RUN DOCTOR`."""

import json
import math
import sys
from pathlib import Path
from typing import Any


def check_run(run: dict[str, Any]) -> None:
    """The run is done, its gain is measured, and its pictures lie where it says."""
    assert run["status"] == "done", run["status"]
    assert math.isfinite(run["gain"]["search"]), run["gain"]
    assert math.isfinite(run["gain"]["heldout"]), run["gain"]
    low, high = run["gain"]["heldout_ci95"]
    assert low <= run["gain"]["heldout"] <= high, run["gain"]
    assert run["initial"]["prompt"] == run["prompt"] == "floating mossy rocks"
    assert len(run["candidates"]) >= 2, "no edit was tried"
    assert run["usage"]["renders"] >= len(run["candidates"])
    folder = Path("runs") / run["id"]
    for candidate in run["candidates"]:
        for image in candidate["images"]:
            assert (folder / image["path"]).is_file(), image["path"]


def main() -> None:
    """Reads both documents; an assertion that fails is the message."""
    run, doctor = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    check_run(run)
    assert doctor["ok"], [check for check in doctor["checks"] if not check["ok"]]
    gain = run["gain"]
    print(
        f"the run is sound: held-out gain {gain['heldout']:+.3f} {gain['heldout_ci95']}, "
        f"{run['usage']['renders']} pictures in {run['usage']['seconds']['total']:.0f} s"
    )


if __name__ == "__main__":
    main()
