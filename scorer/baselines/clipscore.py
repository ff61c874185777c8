"""CLIPScore (Hessel et al. 2021): how well a picture shows its prompt.

    reward = load(None, device="auto", trust_remote_code=False)
    reward.rewards([picture], ["a boat on a lake"])         # between 0 and 2.5

The default is the paper's model, CLIP ViT-B/32. Another checkpoint is scored by the rule of its
kind, which the `model_type` of its config names:

- `clip`: CLIPScore, with the paper's prefix and weight whatever the checkpoint;
- `siglip`, `siglip2`: the plain cosine of picture and prompt, between -1 and 1, as the guard of
  the search sees it. A sigmoid encoder has no stretch of its own that would be worth a weight.

The one rule that is not obvious: the prompt is continued from "A photo depicts ", as in the
authors' code, although what is judged here is seldom a photo. It is part of the scale.

Licence: OpenAI's CLIP is MIT; that of the authors' code could not be verified.
"""

from collections.abc import Sequence

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.baselines.base import Reward
from scorer.baselines.clip import ClipEncoder, model_type
from scorer.encoders import adherence
from scorer.errors import PrerequisiteError
from scorer.siglip import SiglipEncoder

MODEL = "openai/clip-vit-base-patch32"
PREFIX = "A photo depicts "
WEIGHT = 2.5


class ClipScore:
    """How well pictures show their prompts. Implements `scorer.baselines.base.Reward`.

    Args:
        encoder: A CLIP is scored by the paper's rule, a SigLIP by the cosine.
    """

    reads_prompt = True

    def __init__(self, encoder: ClipEncoder | SiglipEncoder) -> None:
        self._encoder = encoder
        self.id = encoder.id

    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]:
        """One figure a picture."""
        if isinstance(self._encoder, SiglipEncoder):
            pictures = self._encoder.encode_images(images).joint
            return adherence(pictures, self._encoder.encode_texts(prompts))
        texts = self._encoder.encode_texts([PREFIX + prompt for prompt in prompts])
        return clip_score(adherence(self._encoder.encode_images(images), texts))


def clip_score(cosine: Float[np.ndarray, " image"]) -> Float[np.ndarray, " image"]:
    """`w · max(cos, 0)` with w = 2.5 (Hessel et al. 2021, section 3)."""
    return WEIGHT * np.maximum(cosine, 0)


def load(place: str | None, *, device: str, trust_remote_code: bool) -> Reward:
    """CLIPScore, or the adherence that the checkpoint at `place` sees.

    Args:
        place: A folder or a hub id of a CLIP, SigLIP or SigLIP 2 model with its processor.
        device: `auto`, `cpu`, `cuda` or `mps`.
        trust_remote_code: Not needed: nothing that comes with a checkpoint is run.

    Raises:
        PrerequisiteError: the model is missing, or of another kind.
    """
    place = place or MODEL
    kind = model_type(place)
    if kind == "clip":
        return ClipScore(ClipEncoder(place, device=device))
    if kind in ("siglip", "siglip2"):
        return ClipScore(SiglipEncoder(place, device=device))
    raise PrerequisiteError(
        f"the model in {place!r} is of type {kind!r}: clipscore takes clip, siglip and siglip2"
    )
