"""The predictor as a scorer: zero-shot from the demographics, adapted to a person's ratings.

    scorer = PersonalScorer("miniature/weights/predictor", personal=True)
    scorer.score(pictures, prompts, profile)[0].parts["personal_sd"]

The one rule that is not obvious: torch and the models are loaded at the first `score`, but the
files are looked for at once, so that a wrong path stops a run before it starts.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.adapt import FILE as ADAPTATION
from scorer.adapt import Posterior, Prior, load_prior, posterior, predict_residual
from scorer.base import Scores
from scorer.cache import CachedEncoder
from scorer.demographics import prior_mean
from scorer.encoders import Encoder, adherence, make_encoder
from scorer.errors import PrerequisiteError
from scorer.pictures import read_picture
from scorer.profile import UserProfile
from scorer.quality import guards

if TYPE_CHECKING:
    from scorer.predictor import PamelaNetwork

MODEL_FILES = ("config.json", "model.safetensors")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
BATCH_SIZE = 256


@dataclass(frozen=True)
class Judgement:
    """What the network says of pictures as one person sees them."""

    score: Float[np.ndarray, " image"]
    cls: Float[np.ndarray, "image width"]


@dataclass(frozen=True)
class Models:
    """Everything that is loaded at the first score."""

    network: "PamelaNetwork"
    encoder: Encoder
    prior: Prior | None


class PersonalScorer:
    """Scores pictures with the PAMELA network. Implements `scorer.base.Scorer`.

    Args:
        place: A folder with the weights, or the id of a model on the hub.
        personal: Off for a network that leaves the person out: then no ratings are used either.
        device: Where network and encoder run.
        encoder: Given instead of the one that the network names.
        called: What `describe` says instead of a place that means nothing elsewhere.

    Raises:
        PrerequisiteError: the folder lacks a file, or the place is neither folder nor id.
    """

    def __init__(
        self,
        place: str,
        *,
        personal: bool,
        device: str = "auto",
        encoder: Encoder | None = None,
        called: str | None = None,
    ) -> None:
        self._place = place
        self._called = called or place
        self._personal = personal
        self._device = device
        self._given_encoder = encoder
        self._people: dict[str, Posterior] = {}
        self._files = MODEL_FILES + ((ADAPTATION,) if personal else ())
        _check_place(place, self._files)

    def score(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
    ) -> list[Scores]:
        """One judgement a picture; see `scorer.base.Scorer`."""
        if not images:
            return []
        judged = self._judge(images, prompts, user)
        columns = self._liking(judged, user) | self._adherence(images, prompts)
        value = columns["personal" if self._personal else "average"]
        return [
            Scores(
                float(value[row]),
                {name: float(c[row]) for name, c in columns.items() if np.isfinite(c[row])}
                | guards(image),
            )
            for row, image in enumerate(images)
        ]

    def describe(self) -> Mapping[str, str]:
        """The place, and hashes of the weights in it."""
        told = {"scorer": "pamela" if self._personal else "average", "place": self._called}
        folder = Path(self._place)
        if not folder.is_dir():
            return told
        config = _config(folder)
        hashes = {
            f"sha256:{name}": hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in self._files
        }
        return told | {"encoder": str(config.get("encoder_id", ""))} | hashes

    @cached_property
    def _models(self) -> Models:
        from scorer.device import resolve_device
        from scorer.predictor import load_network

        folder = _fetched(self._place, self._files)
        network = load_network(folder).to(resolve_device(self._device))
        encoder = self._given_encoder or make_encoder(network.encoder, device=self._device)
        if network.encoder_id not in ("", encoder.id):
            raise PrerequisiteError(
                f"the predictor in {self._place!r} was trained on the encoder "
                f"{network.encoder_id!r}, not on {encoder.id!r}: train it again with "
                f"`python -m miniature.predictor`"
            )
        prior = load_prior(folder) if self._personal else None
        return Models(network, CachedEncoder(encoder), prior)

    def _judge(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
    ) -> Judgement:
        from scorer.predictor import predict
        from scorer.tokens import Vocabulary, tokens_of_pictures

        network = self._models.network
        person = user.demographics if self._personal else {}
        vocabulary = Vocabulary(self._models.encoder, network.fields)
        tokens = tokens_of_pictures(images, prompts, person, vocabulary)
        return Judgement(*predict(network, tokens, batch_size=BATCH_SIZE))

    def _liking(self, judged: Judgement, user: UserProfile) -> dict[str, np.ndarray]:
        prior = self._models.prior
        if prior is None:
            return {"average": judged.score}
        person = self._posterior(user, prior)
        residual = predict_residual(judged.cls, person, prior)
        return {"personal": judged.score + residual.mean, "personal_sd": residual.std}

    def _posterior(self, user: UserProfile, prior: Prior) -> Posterior:
        """What the person's demographics and ratings say; computed once a person."""
        from scorer.tokens import person_embedding

        key = f"{user.folder}\n{user.model_dump_json()}"
        if key not in self._people:
            features, residual = np.zeros((0, len(prior.centre))), np.zeros(0)
            if user.ratings:
                pictures = [read_picture(path) for path in user.picture_paths]
                judged = self._judge(pictures, [rating.prompt for rating in user.ratings], user)
                given = np.array([rating.score for rating in user.ratings], np.float64)
                features, residual = judged.cls, given - judged.score
            person = person_embedding(user.demographics, self._models.network.fields)
            self._people[key] = posterior(features, residual, prior, prior_mean(prior, person))
        return self._people[key]

    def _adherence(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str | None]
    ) -> dict[str, np.ndarray]:
        """Adherence to the prompts; nan where there is none."""
        encoder = self._models.encoder
        texts = encoder.encode_texts([prompt or "" for prompt in prompts])
        figures = adherence(encoder.encode_images(images).joint, texts)
        known = np.array([prompt is not None for prompt in prompts])
        return {"adherence": np.where(known, figures, np.nan)}


def _config(folder: Path) -> dict[str, object]:
    file = folder / "config.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise PrerequisiteError(
            f"the predictor in {str(folder)!r} can't be read: its {file.name} is no JSON object "
            f"({type(error).__name__}); copy the folder again, or train one"
        ) from error


def _check_place(place: str, files: Sequence[str]) -> None:
    folder = Path(place)
    if folder.is_dir():
        missing = [name for name in files if not (folder / name).is_file()]
        if missing:
            raise PrerequisiteError(
                f"the predictor in {place!r} lacks {', '.join(missing)}: give the folder that "
                f"`save_network` and `save_prior` wrote, or plain `pamela` for the one that ships"
            )
    elif folder.exists() or not HUB_ID.fullmatch(place):
        raise PrerequisiteError(
            f"there is no predictor in {place!r}: give the folder of one, or the id of a model on "
            f"the hub (owner/name)"
        )


def _fetched(place: str, files: Sequence[str]) -> Path:
    if Path(place).is_dir():
        return Path(place)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(place, allow_patterns=list(files)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise PrerequisiteError(
            f"{place!r} is no folder, and the model hub doesn't give it "
            f"({type(error).__name__}): check the path or id"
        ) from error
