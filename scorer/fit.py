"""From ratings to a folder that scores: the network, its prior, and the network without the person.

    figures = train_predictor(train, {"seen": ..., "unseen": ...}, Recipe(), Path("mine"), seed=0)

`pamela:mine` is then the personal scorer, and `mine/average` what leaves the person out. A training
that was stopped goes on when it is started again; its checkpoints go once the weights are written.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from scorer.adapt import save_prior
from scorer.epochs import Workers
from scorer.files import check_folder
from scorer.leanings import bank_of, save_bank
from scorer.line import add_line
from scorer.people import prior_of
from scorer.personal import AVERAGE
from scorer.predictor import PamelaNetwork, save_network
from scorer.ratings import Ratings, without_person
from scorer.recipe import Recipe
from scorer.train import judged, train_network

CHECKPOINT = "training.pt"


def check_free(out: Path, *, overwrite: bool) -> None:
    """Makes sure that a predictor may be written into a folder: a new one, or one to go on in.

    Raises:
        InputError: it holds something that is no training that was stopped, and `overwrite` is
            off, or it is no folder.
    """
    check_folder(out, overwrite=overwrite or (out / CHECKPOINT).is_file())


def train_predictor(
    train: Ratings,
    validation: Mapping[str, Ratings],
    recipe: Recipe,
    out: Path,
    *,
    seed: int,
    device: str = "auto",
) -> dict[str, dict[str, float]]:
    """Trains both networks, adds their lines, estimates the prior; writes all, in 16 bit.

    Returns:
        By network, its validation figures as it is written.

    Raises:
        InputError: a checkpoint in the folder is of another training.
    """
    first, figures = Workers().first, {}
    for person, folder in ((True, out), (False, out / AVERAGE)):
        checkpoint = folder / CHECKPOINT
        own = recipe if person else replace(recipe, person=False, adaptation=0.0)
        trained = train_network(
            train, validation, own, seed=seed, device=device, checkpoint=checkpoint
        )
        if first:
            add_line(trained.network, train)
            save_network(trained.network, folder)
            if person:
                save_bank(bank_of(train), train.source.encoder.id, folder)
                save_prior(prior_of(trained.network, train), folder)
            figures["personal" if person else AVERAGE] = _judged(
                trained.network, train, validation, own
            )
    if first:
        for folder in (out / AVERAGE, out):  # while the last is there, the training goes on
            (folder / CHECKPOINT).unlink(missing_ok=True)
    return figures


def _judged(
    network: PamelaNetwork, train: Ratings, validation: Mapping[str, Ratings], recipe: Recipe
) -> dict[str, float]:
    if not recipe.person:
        train = without_person(train)
        validation = {name: without_person(ratings) for name, ratings in validation.items()}
    return judged(network, train, validation, adapted=recipe.adaptation > 0)
