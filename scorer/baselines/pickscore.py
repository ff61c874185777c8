"""PickScore (Kirstain et al. 2023): which picture of a prompt people would pick.

    reward = load(None, device="auto", trust_remote_code=False)
    reward.rewards([picture], ["a boat on a lake"])

A CLIP ViT-H/14 fine-tuned on the choices of Pick-a-Pic; the score is its logit, `exp(scale) · cos`
(section 4 of the paper; a softmax over the scores of one prompt gives the probabilities).

The one rule that is not obvious: the authors' code takes tokenizer and preprocessing from the
model that PickScore was trained from, not from PickScore's own repository, and so does the default.

Licence: the weights' page on the hub names none, and that of the code could not be verified; the
model it was trained from is MIT.
"""

from collections.abc import Sequence

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.baselines.base import Reward
from scorer.baselines.clip import ClipEncoder
from scorer.encoders import adherence

MODEL = "yuvalkirstain/PickScore_v1"
PROCESSOR = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"


class PickScore:
    """The logit of a picture with its prompt. Implements `scorer.baselines.base.Reward`."""

    reads_prompt = True

    def __init__(self, encoder: ClipEncoder) -> None:
        self._encoder = encoder
        self.id = encoder.id

    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]:
        """One score a picture; only scores of one prompt are worth comparing."""
        pictures = self._encoder.encode_images(images)
        return self._encoder.scale * adherence(pictures, self._encoder.encode_texts(prompts))


def load(place: str | None, *, device: str, trust_remote_code: bool) -> Reward:
    """PickScore v1, or the CLIP model at `place` scored in the same way.

    Args:
        place: A folder or a hub id, with its tokenizer and preprocessing beside the model.
        device: `auto`, `cpu`, `cuda` or `mps`.
        trust_remote_code: Not needed: nothing that comes with a checkpoint is run.

    Raises:
        PrerequisiteError: the model, or its preprocessing, is missing.
    """
    if place is None:
        return PickScore(ClipEncoder(MODEL, processor=PROCESSOR, device=device))
    return PickScore(ClipEncoder(place, device=device))
