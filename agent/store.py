"""Where a run is kept: `runs/<id>/` with `run.json`, `trajectory.jsonl`, `images/`, `best.png`.

    with RunStore.create(new_run_folder(Path("runs"), "mossy rocks"), header) as store:
        store.record(candidate)
    load_run(store.folder).best

The one rule that is not obvious: `record` writes a thing once. A resumed run is played again
from its start and records everything again; what was written before is passed over, so the file
ends up as that of an undisturbed run.
"""

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import PIL.Image

from agent.errors import InputError, RunError
from agent.folder import (
    acquire,
    check_own,
    is_held,
    new_run_folder,
    read_header,
    written,
)
from agent.gaps import FEW, named, unproposed
from agent.look.inside import inside, is_recorded, pixel_digest
from agent.names import BEST, HEADER, IMAGES, LINES
from agent.records import (
    INITIAL_ID,
    ProposalRecord,
    Record,
    Result,
    RunHeader,
    RunLine,
    read_records,
    to_line,
    trajectory_of,
)
from agent.story import Story, png_text, story_of
from agent.trajectory import (
    Candidate,
    Event,
    Heldout,
    Image,
    Seconds,
    Step,
    Trajectory,
)
from scorer.files import unwritable

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["RunStore", "Shot", "load_run", "new_run_folder", "pixel_digest"]


@dataclass(frozen=True)
class Shot:
    """A picture that is wanted: of which candidate, on which seed."""

    candidate: str
    prompt: str
    seed: int
    heldout: bool = False

    @property
    def path(self) -> str:
        """Relative to the run's folder."""
        prefix = "heldout-" if self.heldout else ""
        return f"{IMAGES}/{prefix}{self.candidate}-{self.seed}.png"


def load_run(path: str | os.PathLike[str]) -> Trajectory:
    """Reads a run's folder.

    Raises:
        InputError: it holds no run, or a damaged one.
    """
    folder = Path(path)
    header = read_header(folder)
    records = read_records(folder / LINES)
    return trajectory_of(header, records, held=records.result is None and is_held(folder))


class RunStore:
    """A run's folder that this process may write; made by `create` or `resume`.

    Attributes:
        folder: Where it lies.
        header: What the run started from.
        records: Everything written so far.
    """

    def __init__(self, folder: Path, header: RunHeader, lock: "FileLock") -> None:
        self.folder = folder
        self.header = header
        self.records = read_records(folder / LINES)
        self._lock = lock
        self._replayed = Counter(self.records.events)
        self._stream = _open_lines(folder / LINES, self.records.intact_bytes)

    @classmethod
    def create(cls, folder: Path, header: RunHeader) -> Self:
        """Begins a run in a new folder."""
        (folder / IMAGES).mkdir()
        lock = acquire(folder)
        with written(folder / HEADER) as stream:
            stream.write(header.model_dump_json(indent=2).encode() + b"\n")
        store = cls(folder, header, lock)
        store._write_first_line()
        return store

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """Goes on with a run that is not done.

        Raises:
            InputError: the folder holds no run, another process is at work on it, or something in
                it leads out of it.
        """
        check_own(folder)
        header = read_header(folder)
        lock = acquire(folder)
        try:
            (folder / IMAGES).mkdir(exist_ok=True)
            for leaving in folder.rglob(".*.tmp"):  # what a kill cut short
                leaving.unlink()
            store = cls(folder, header, lock)
        except BaseException:
            lock.release()
            raise
        lost = unproposed(store.records)
        if lost:
            store.close()
            raise InputError(
                f"{str(folder / LINES)!r} is damaged: it holds candidates of iteration {lost[0]} "
                f"and no proposal that they come from: restore it or start a new run"
            )
        initial = store.records.initial
        if initial is not None and initial.status != "scored":  # a failed start is tried again
            del store.records.candidates[INITIAL_ID]
        store._write_first_line()
        return store

    def _write_first_line(self) -> None:
        if not self.records.started:
            header = self.header
            self._write(RunLine(id=header.id, prompt=header.prompt, user_id=header.user_id))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the run."""
        try:
            self._stream.close()
        except OSError:
            pass  # a full disk: `record` has said so already
        finally:
            self._lock.release()

    def record(self, record: Record, seconds: Seconds | None = None) -> bool:
        """Appends a record, unless it was written before the run was resumed.

        Args:
            record: What happened.
            seconds: The time spent so far; stands beside a step.

        Returns:
            Whether it is new.
        """
        if self._is_recorded(record):
            return False
        self._write(record, seconds)
        return True

    def _is_recorded(self, record: Record) -> bool:
        known = self.records
        match record:
            case RunLine():
                return known.started
            case ProposalRecord():
                return (record.iteration, record.ahead) in known.proposals
            case Candidate():
                return record.id in known.candidates
            case Step():
                return record.iteration in known.steps
            case Heldout():
                return (record.candidate, record.seed) in known.heldout
            case Event():
                self._replayed[record] -= 1
                return self._replayed[record] >= 0
            case Result():
                return False

    def _write(self, record: Record, seconds: Seconds | None = None) -> None:
        try:
            self._stream.write(to_line(record, seconds).encode() + b"\n")
            self._stream.flush()
        except OSError as error:
            raise RunError(f"{LINES} can't be written ({error.strerror})") from error
        self.records.add(record, seconds)

    def image_of(self, shot: Shot) -> Image | None:
        """The picture of a candidate that was recorded already."""
        if shot.heldout:
            known = self.records.heldout.get((shot.candidate, shot.seed))
            return known.image if known else None
        candidate = self.records.candidates.get(shot.candidate)
        images = candidate.images if candidate else ()
        return next((image for image in images if image.seed == shot.seed), None)

    def save_image(self, shot: Shot, picture: PIL.Image.Image) -> Image:
        """Writes a picture with its origin in the PNG's text; a recorded one stays as it is."""
        known = self.image_of(shot)
        if known is not None:
            return known
        pixels = picture.convert("RGB")
        text = png_text(self._story(shot), size=pixels.size)
        for key, value in (("candidate", shot.candidate), ("seed", str(shot.seed))):
            text.add_itxt(key, value)
        with written(self.folder / shot.path) as stream:
            pixels.save(stream, format="PNG", pnginfo=text, compress_level=1)
        return Image(path=shot.path, seed=shot.seed, sha256=pixel_digest(pixels))

    def _story(self, shot: Shot) -> Story:
        return story_of(
            self.header.id,
            self.header.prompt,
            self.header.config,
            warm=self.header.warm_start is not None,
            candidate=shot.candidate,
            prompt=shot.prompt,
            seed=shot.seed,
            heldout=shot.heldout,
        )

    def check_pictures(self) -> None:
        """Makes sure that all pictures are still what was recorded.

        Raises:
            InputError: some are gone or others; the message names the first.
        """
        kept = [image for c in self.records.candidates.values() for image in c.images]
        kept += [held.image for held in self.records.heldout.values() if held.image is not None]
        lost = [image.path for image in kept if not is_recorded(self.folder, image)]
        if lost:
            first = str(self.folder / lost[0])
            which = f"the picture {first!r} is" if len(lost) == 1 else f"{len(lost)} pictures are"
            more = "" if len(lost) == 1 else f" ({named(lost, FEW)})"
            raise InputError(
                f"{which} gone or damaged{more}: restore what is gone, or start a new run"
            )

    def publish_best(self, candidate: Candidate) -> None:
        """Makes the candidate's first picture the run's `best.png`."""
        if not candidate.images:
            return
        name = candidate.images[0].path
        source = inside(self.folder, name)
        if source is None:
            gone = str(self.folder / name)
            raise RunError(f"the picture {gone!r} is gone: restore it, or start a new run")
        copy_best(source, self.folder)


def copy_best(source: Path, folder: Path) -> None:
    """Makes a picture the `best.png` of a run's folder.

    Raises:
        RunError: it can't be written.
    """
    with source.open("rb") as picture, written(folder / BEST) as stream:
        shutil.copyfileobj(picture, stream)


def _open_lines(path: Path, intact_bytes: int) -> IO[bytes]:
    """Opens for appending; what a kill tore off the last line is cut away."""
    try:
        stream = path.open("ab")
        stream.truncate(intact_bytes)
    except OSError as error:
        raise InputError(unwritable(path, error.strerror)) from error
    return stream
