"""Simulated people whose hidden taste is known, with the profiles that a search is given.

    people, tastes = spare_people(BUILD / "people")
    people, tastes = examples(Path("examples"))

Spare people took no part in training; four of them are those of the examples. Each has rated the
20 pictures that `pamela-agent rate` would ask them for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from miniature.training import BUILD
from scorer.errors import InputError
from scorer.profile import UserProfile

if TYPE_CHECKING:
    from miniature.taste import Taste

People = tuple[Mapping[str, UserProfile], Mapping[str, "Taste"]]
PEOPLE = BUILD / "people"
COUNT = 24


def load_people(folder: Path) -> dict[str, UserProfile]:
    """Profiles in a folder by user id."""
    profiles = [UserProfile.load(path) for path in sorted(folder.glob("*.json"))]
    return {profile.user_id: profile for profile in profiles}


def examples(folder: Path) -> People:
    """The example profiles.

    Raises:
        InputError: the folder holds fewer than two, or somebody whose taste is not known.
    """
    from miniature.examples import example_tastes

    people, tastes = load_people(folder), example_tastes()
    if unknown := [name for name in people if name not in tastes]:
        raise InputError(
            f"--profiles {str(folder)!r} holds {unknown[0]!r}, whose true taste is not known: "
            f"gains are measured for {', '.join(tastes)}"
        )
    if len(people) < 2:
        raise InputError(f"--profiles {str(folder)!r} holds {len(people)} profiles: 2 or more")
    return people, tastes


def spare_people(folder: Path) -> People:
    """Profiles of spare participants, written into a folder with the weights of today."""
    from miniature.examples import asked_rows, test_pictures, write_profile
    from miniature.participants import DATASET, ensure_dataset, make_participants

    ensure_dataset()
    spare = [person for person in make_participants() if person.group == "spare"][:COUNT]
    people, tastes = {}, {}
    asked = asked_rows(spare, test_pictures(DATASET))
    for person, rows in zip(spare, asked, strict=True):
        written = write_profile(person, f"{person.number:03d}", rows, folder)
        people[person.id] = UserProfile.load(written)
        tastes[person.id] = person.taste
    return people, tastes
