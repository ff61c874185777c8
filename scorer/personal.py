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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.adapt import FILE as ADAPTATION
from scorer.adapt import (
    Prior,
    designs,
    left_out_errors,
    load_prior,
    posterior,
    predict_residual,
    residual_at,
)
from scorer.base import Scores
from scorer.cache import CachedEncoder
from scorer.checkpoints import reason_of
from scorer.demographics import prior_mean
from scorer.encoders import Encoder, PictureFeatures, adherence, make_encoder
from scorer.errors import InputError, PrerequisiteError
from scorer.leanings import FEWEST, bank_file, load_bank, worths
from scorer.leanings import FILE as BANK
from scorer.liking import Inquiry, Judgement, Known, Liking
from scorer.pictures import read_picture, to_rgb
from scorer.profile import UserProfile
from scorer.quality import guards

if TYPE_CHECKING:
    from scorer.predictor import PamelaNetwork
    from scorer.tokens import Embed

MODEL_FILES = ("config.json", "model.safetensors")
AVERAGE = "average"
"""Folder, in that of a personal predictor, of the network that leaves the person out."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Models:
    """Everything that is loaded at the first score."""

    network: "PamelaNetwork"
    encoder: Encoder
    embed: "Embed"
    """The sentence encoder of the fields."""
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
        self._people: dict[str, Known] = {}
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
        images = [to_rgb(image) for image in images]
        for image in images:
            image.load()  # here: two threads must not open the same file
        with ThreadPoolExecutor(1) as pool:  # looks at the pictures while the encoder computes
            watched = pool.submit(lambda: [guards(image) for image in images])
            features = self._models.encoder.encode_images(images)
            liking = self._liking(features, prompts, [user])
        value = liking.mean[0]
        columns = {
            "personal" if self._personal else "average": value,
            "personal_sd": liking.std[0],
            "adherence": self._adherence(features, prompts),
        }
        return [
            Scores(
                float(value[row]),
                {name: float(c[row]) for name, c in columns.items() if np.isfinite(c[row])}
                | figures,
            )
            for row, figures in enumerate(watched.result())
        ]

    def likings(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        users: Sequence[UserProfile],
    ) -> Liking:
        """What many people would say of pictures, the features of which are computed once."""
        return self._liking(self._models.encoder.encode_images(images), prompts, users)

    def leanings(
        self,
        prompt: str | None,
        user: UserProfile,
        words: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> dict[str, float]:
        """What this person is expected to like, in words; see `scorer.base.Leans`.

        Args:
            prompt: What pictures are wanted of.
            user: The person.
            words: By axis and the name of each of its values, phrases that say it.
        """
        if (bank := self._bank) is None or len(bank) < FEWEST:
            return {}
        liking = self._liking(bank, [prompt] * len(bank), [user]).mean[0]
        return worths(bank.joint, liking, words, self._models.encoder.encode_texts)

    def inquire(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
        among: Sequence[int] | None = None,
    ) -> Inquiry:
        """Which of some pictures to ask this person about, and how much is known already.

        Args:
            images: The pictures.
            prompts: What each was meant to show.
            user: The person.
            among: Places of those that may still be asked for; None for all.

        Raises:
            InputError: the scorer leaves the person out.
        """
        from scorer.informative import most_informative

        if (prior := self._models.prior) is None:
            raise InputError("a scorer that leaves the person out learns from no ratings")
        features = self._models.encoder.encode_images(images)
        judged, known = self._judge(features, prompts, [user]), self._known(user, prior)
        seen, taste = judged.features(), known.taste
        ask = most_informative(seen, taste, prior, count=1, among=among)[0]
        residual = predict_residual(seen, taste, prior)
        errors = np.abs(known.left_out)
        return Inquiry(
            ask=ask,
            mean=float(judged.score[0, ask] + residual.mean[ask]),
            uncertainty=float(residual.std.mean()),
            left_out=float(errors.mean()) if len(errors) > 1 else None,
        )

    def describe(self) -> Mapping[str, str]:
        """The place, and hashes of the weights in it."""
        told = {"scorer": "pamela" if self._personal else "average", "place": self._called}
        folder = Path(self._place)
        if not folder.is_dir():
            return told
        hashes = {
            f"sha256:{name}": hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in self._files
        }
        if (bank := bank_file(folder, personal=self._personal)) is not None:
            hashes[f"sha256:{BANK}"] = hashlib.sha256(bank.read_bytes()).hexdigest()
        return told | {"encoder": str(_config(folder).get("encoder_id", ""))} | hashes

    @cached_property
    def _folder(self) -> Path:
        """Where the files lie, once they are here."""
        return _fetched(self._place, (*self._files, BANK))

    @cached_property
    def _models(self) -> Models:
        return load_models(
            self._folder,
            personal=self._personal,
            device=self._device,
            encoder=self._given_encoder,
        )

    @cached_property
    def _bank(self) -> PictureFeatures | None:
        """Pictures that say what the predictor thinks of words."""
        file = bank_file(self._folder, personal=self._personal)
        return None if file is None else load_bank(file, self._models.encoder.id)

    def _judge(
        self,
        features: PictureFeatures,
        prompts: Sequence[str | None],
        users: Sequence[UserProfile],
    ) -> Judgement:
        """What the network says, of every person and picture."""
        import torch

        from scorer.crowd import People, Pictures, judge_crowd
        from scorer.tokens import spoken_fields

        models, network = self._models, self._models.network
        told = [user.demographics if self._personal else {} for user in users]
        semantic = models.encoder.encode_texts([prompt or "" for prompt in prompts])
        fields, present = spoken_fields(told, network.fields, models.embed)
        arrays = (features.visual, semantic, np.array([p is not None for p in prompts], bool))
        place = network.kind.device

        def tensors(given: Sequence[np.ndarray]) -> list[torch.Tensor]:
            return [torch.from_numpy(np.ascontiguousarray(each)).to(place) for each in given]

        people = People(*tensors((fields, present)))
        score, cls = judge_crowd(network, Pictures(*tensors(arrays)), people)
        pooled = features.visual[:, : network.visual_dim]
        return Judgement(score.cpu().numpy(), cls.cpu().numpy(), pooled)

    def _liking(
        self,
        features: PictureFeatures,
        prompts: Sequence[str | None],
        users: Sequence[UserProfile],
    ) -> Liking:
        judged, prior = self._judge(features, prompts, users), self._models.prior
        if prior is None:
            return Liking(judged.score, np.full_like(judged.score, np.nan))
        residuals = [
            residual_at(phi, self._known(user, prior).taste)
            for phi, user in zip(designs(judged.cls, judged.pooled, prior), users, strict=True)
        ]
        mean, std = (
            np.array([getattr(each, name) for each in residuals]).reshape(judged.score.shape)
            for name in ("mean", "std")
        )
        return Liking(judged.score + mean, std)

    def _known(self, user: UserProfile, prior: Prior) -> Known:
        """What the person's demographics and ratings say; computed once a person."""
        from scorer.tokens import person_embedding

        key = f"{user.folder}\n{user.model_dump_json()}"
        if key not in self._people:
            features, residual = np.zeros((0, len(prior.centre))), np.zeros(0)
            if user.ratings:
                pictures = [read_picture(path) for path in user.picture_paths]
                seen = self._models.encoder.encode_images(pictures)
                judged = self._judge(seen, [rating.prompt for rating in user.ratings], [user])
                given = np.array([rating.score for rating in user.ratings], np.float64)
                features, residual = judged.features(), given - judged.score[0]
            fields = self._models.network.fields
            person = person_embedding(user.demographics, fields, self._models.embed)
            told = (features, residual, prior, prior_mean(prior, person))
            self._people[key] = Known(posterior(*told), left_out_errors(*told))
        return self._people[key]

    def _adherence(
        self, features: PictureFeatures, prompts: Sequence[str | None]
    ) -> Float[np.ndarray, " image"]:
        """Adherence to the prompts; nan where there is none."""
        texts = self._models.encoder.encode_texts([prompt or "" for prompt in prompts])
        known = np.array([prompt is not None for prompt in prompts])
        return np.where(known, adherence(features.joint, texts), np.nan)


def load_models(
    folder: Path, *, personal: bool, device: str = "auto", encoder: Encoder | None = None
) -> Models:
    """A predictor with everything that it reads with, and its prior if it is personal.

    Raises:
        PrerequisiteError: a part is missing, or it was trained on another encoder.
    """
    from scorer.device import resolve_device
    from scorer.predictor import load_network
    from scorer.sentences import make_embedder

    network = load_network(folder).to(resolve_device(device))
    encoder = encoder or make_encoder(network.encoder, device=device)
    if network.encoder_id not in ("", encoder.id):
        raise PrerequisiteError(
            f"the predictor in {str(folder)!r} was trained on the encoder "
            f"{network.encoder_id!r}, not on {encoder.id!r}: train it again with "
            f"`python -m miniature.predictor`"
        )
    prior = load_prior(folder) if personal else None
    if prior is not None and len(prior.centre) != network.feature_dim:
        raise PrerequisiteError(
            f"the predictor in {str(folder)!r} adapts to {len(prior.centre)} features, and its "
            f"network has {network.feature_dim}: another version made it; train it again"
        )
    embed = make_embedder(network.sentence_encoder, device=device)
    return Models(network, CachedEncoder(encoder), embed, prior)


def predictor_folder(spec: str) -> Path:
    """Where the predictor of a spec lies: `pamela[:<path or id>]` or `average[:<path or id>]`.

    Raises:
        PrerequisiteError: there is none.
    """
    from miniature import WEIGHTS

    kind, _, place = spec.partition(":")
    personal = kind == "pamela"
    inside = "" if personal else f"{AVERAGE}/"
    files = [f"{inside}{name}" for name in MODEL_FILES] + ([ADAPTATION] if personal else [])
    where = place or str(WEIGHTS / "predictor")
    _check_place(where, files)
    return _fetched(where, [*files, BANK]) / inside


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
            f"({reason_of(error)}): check the path or id"
        ) from error
