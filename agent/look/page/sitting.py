"""One person rating one set of pictures: what is asked, what was answered, what is known by now.

    sitting = Sitting(Path("me.json"), pictures, judge)
    sitting.now().picture           # the one whose rating would teach most
    sitting.rate(sitting.now().picture, 4)

Every answer is in the profile, in one piece, before the next picture is shown. The one rule that
is not obvious: the profile's file is the truth. It is read again before it is written, so what
another program put into it meanwhile stays.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from agent.errors import InputError
from agent.look.page.judge import Judge
from agent.rating import Ratable, unrated, with_rating
from scorer.profile import Rating, UserProfile

MOST_PICTURES = 200
"""Of one sitting; all of them are held in memory."""


@dataclass(frozen=True)
class Point:
    """How well the person was known after some ratings."""

    ratings: int
    uncertainty: float
    left_out: float | None


@dataclass(frozen=True)
class State:
    """What the page shows."""

    picture: str | None
    """By its content; None when all were shown."""
    prompt: str | None
    expected: float | None
    """What the person is expected to say of it."""
    left: int
    given: int
    """Ratings of this sitting."""
    can_undo: bool
    points: tuple[Point, ...]


@dataclass
class _Answer:
    asked: Ratable
    rating: Rating | None
    """None for a picture that was skipped."""


@dataclass
class _Course:
    left: list[Ratable]
    answers: list[_Answer] = field(default_factory=list)
    points: dict[int, Point] = field(default_factory=dict)
    """By the number of ratings."""
    again: Ratable | None = None
    """What was taken back and is asked for next."""


class Sitting:
    """One person in front of some pictures.

    Args:
        file: The person's profile.
        pictures: Files, each with what it was meant to show if that is known.
        judge: Who knows what to ask.

    Raises:
        InputError: the profile is not valid.
    """

    def __init__(
        self, file: Path, pictures: Sequence[tuple[Path, str | None]], judge: Judge
    ) -> None:
        self._file = file
        self._judge = judge
        self._lock = Lock()
        self.left_out: list[str] = []
        """What is no picture, and why."""
        found = unrated(pictures[:MOST_PICTURES], self._read(), self._leave_out)
        self.hidden = max(0, len(pictures) - MOST_PICTURES)
        self._all = {picture.digest: picture for picture in found}
        self._course = _Course(found)
        self._state: State | None = None

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(f"{path.name} {reason}")

    def _read(self) -> UserProfile:
        return UserProfile.load(self._file)

    def picture(self, digest: str) -> Ratable | None:
        """A picture of the sitting by its content."""
        return self._all.get(digest)

    def now(self) -> State:
        """What to ask; the models are loaded for the first one.

        Raises:
            InputError: there is no scorer that learns.
        """
        with self._lock:
            return self._now()

    def rate(self, digest: str, score: int) -> State:
        """Puts the answer into the profile and goes on.

        Raises:
            InputError: another picture is asked for by now, or the profile can't be written.
        """
        with self._lock:
            asked = self._asked(digest)
            user = with_rating(self._read(), asked, score, self._file)
            user.save(self._file, overwrite=True)
            return self._go_on(_Answer(asked, user.ratings[-1]))

    def skip(self, digest: str) -> State:
        """Goes on without an answer.

        Raises:
            InputError: another picture is asked for by now.
        """
        with self._lock:
            return self._go_on(_Answer(self._asked(digest), None))

    def undo(self) -> State:
        """Takes the last answer back, out of the profile too; its picture is asked for again.

        Raises:
            InputError: nothing was answered, or the profile was changed meanwhile.
        """
        with self._lock:
            if not self._course.answers:
                raise InputError("nothing was answered yet")
            last = self._course.answers[-1]
            if last.rating is not None:
                self._take_back(last.rating)
            course = self._course
            course.answers.pop()
            course.left.append(last.asked)
            course.again = last.asked
            count = len(self._read().ratings)
            course.points = {n: point for n, point in course.points.items() if n <= count}
            self._state = None
            return self._now()

    def _take_back(self, rating: Rating) -> None:
        user = self._read()
        if not user.ratings or user.ratings[-1] != rating:
            raise InputError(
                f"{self._file.name!r} was changed by another program: take the rating out "
                f"of it by hand"
            )
        kept = user.model_copy(update={"ratings": user.ratings[:-1]})
        kept.save(self._file, overwrite=True)

    def _asked(self, digest: str) -> Ratable:
        picture = self._all.get(digest)
        if picture is None or picture not in self._course.left:
            raise InputError("this picture is not asked for any more: load the page again")
        return picture

    def _go_on(self, answer: _Answer) -> State:
        self._course.left.remove(answer.asked)
        self._course.again = None
        self._course.answers.append(answer)
        self._state = None
        return self._now()

    def _now(self) -> State:
        if self._state is None:
            self._state = self._worked_out()
        return self._state

    def _worked_out(self) -> State:
        course = self._course
        user = self._read()
        given = sum(answer.rating is not None for answer in course.answers)
        asked, expected = None, None
        if course.left:
            with self._judge.lock:
                asked, expected = self._ask(user)
        return State(
            picture=asked.digest if asked is not None else None,
            prompt=asked.prompt if asked is not None else None,
            expected=expected,
            left=len(course.left),
            given=given,
            can_undo=bool(course.answers),
            points=tuple(course.points[n] for n in sorted(course.points)),
        )

    def _ask(self, user: UserProfile) -> tuple[Ratable, float]:
        course, pool = self._course, list(self._all.values())
        left = [course.again] if course.again is not None else course.left
        known = self._judge.scorer.inquire(
            [picture.pixels for picture in pool],
            [picture.prompt for picture in pool],
            user,
            among=[place for place, picture in enumerate(pool) if picture in left],
        )
        point = Point(len(user.ratings), known.uncertainty, known.left_out)
        course.points[point.ratings] = point
        return pool[known.ask], known.mean


class Sittings:
    """All that were begun since the server was started, by whatever tells them apart."""

    def __init__(self) -> None:
        self._begun: dict[Hashable, Sitting] = {}
        self._lock = Lock()

    def of(self, key: Hashable, begin: Callable[[], Sitting]) -> Sitting:
        """The one of that key; the first asking begins it."""
        with self._lock:
            if key not in self._begun:
                self._begun[key] = begin()
            return self._begun[key]
