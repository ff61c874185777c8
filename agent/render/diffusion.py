"""Every diffusers pipeline behind one class: the miniature, SDXL, FLUX and what comes next.

    renderer = DiffusionRenderer("models/sdxl", DiffusionSettings(steps=30, batch_size=4))
    for result in renderer.render([RenderRequest("a mossy rock", seed=7)]): ...

What differs between pipelines is in `agent.render.defaults` and, filtered by the signature, goes
into the call. Every picture has a CPU generator of its own, so it doesn't depend on what it is
drawn with but for rounding. The one rule that is not obvious: when memory runs out the batch is
halved, and the smaller batch is kept from then on; anything else that fails in a batch is looked
for by halving too, so that one bad request doesn't take its neighbours along.
"""

import hashlib
import inspect
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from agent.config import Device, Dtype, Offload
from agent.errors import InputError
from agent.render.base import RenderRequest, RenderResult
from agent.render.batches import batches
from agent.render.defaults import (
    Argument,
    guidance_argument,
    load_defaults,
    pipeline_class,
)
from agent.render.devices import pick_device, pick_dtype
from agent.render.folder import content_digest, fetch_pipeline
from agent.render.quiet import quiet_libraries
from agent.render.tokens import Tokenizer, load_tokenizer, load_tokenizers, unread
from agent.retry import one_line
from scorer.minilm import SHA256 as MINILM
from scorer.minilm import minilm_folder, text_encoder_and_tokenizer

logger = logging.getLogger(__name__)
OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")
LIBRARIES = ("diffusers", "torch", "transformers")


@dataclass(frozen=True)
class DiffusionSettings:
    """How a pipeline is run; None leaves it to the pipeline."""

    steps: int | None = None
    guidance: float | None = None
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    device: Device = "auto"
    dtype: Dtype = "auto"
    offload: Offload = "none"
    batch_size: int = 8


class DiffusionRenderer:
    """A `Renderer` that runs a diffusers pipeline; it is loaded at the first picture.

    Args:
        location: A pipeline folder, or a hub id.
        settings: How to run it.
        sentence_encoder: Whether the text side is the sentence encoder of `scorer.minilm`, which
            pipelines of the miniature are saved without.

    Raises:
        InputError: at the first picture, if the pipeline can't be loaded or the device isn't there.
    """

    def __init__(
        self, location: str, settings: DiffusionSettings, *, sentence_encoder: bool = False
    ) -> None:
        self._location = location
        self._settings = settings
        self._sentence_encoder = sentence_encoder
        self._largest = settings.batch_size

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        for batch in batches(requests, self._settings.batch_size):
            yield from self._draw(batch)

    def _draw(self, batch: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        if len(batch) > self._largest:
            yield from self._draw_halves(batch)
            return
        failure = None
        results: list[RenderResult] = []
        pipeline, arguments = self._pipeline, self._accepted
        _check_size(pipeline, {**arguments, **_size_of(batch[0])})
        try:
            results = _call(pipeline, arguments, batch)
        except Exception as error:  # noqa: BLE001 - a picture that fails is data
            # Only words are kept: the traceback would hold on to the memory that has run out.
            failure = _failure(error)
        if failure is None:
            yield from results
            return
        _free_memory(pipeline)
        if len(batch) == 1:
            yield RenderResult(batch[0], error=failure.message)
            return
        if failure.out_of_memory:
            self._largest = len(batch) // 2
        yield from self._draw_halves(batch)

    def _draw_halves(self, batch: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        middle = (len(batch) + 1) // 2
        yield from self._draw(batch[:middle])
        yield from self._draw(batch[middle:])

    @cached_property
    def _folder(self) -> Path:
        return fetch_pipeline(self._location)

    @cached_property
    def _device(self) -> str:
        device = pick_device(self._settings.device)
        if device == "cpu" and self._settings.offload != "none":
            raise InputError(
                f"--offload {self._settings.offload!r} moves models between an accelerator and "
                f"the CPU, but this run draws on the CPU: leave it out"
            )
        return device

    @cached_property
    def _dtype(self) -> str:
        return pick_dtype(self._settings.dtype, self._device)

    @cached_property
    def _arguments(self) -> dict[str, Argument]:
        """What the call is given but for prompts, sizes of single requests and generators."""
        return {**load_defaults(self._folder), **self._chosen}

    @cached_property
    def _chosen(self) -> dict[str, Argument]:
        """What the user has set."""
        width, height = self._settings.size or (None, None)
        chosen: dict[str, Argument] = {
            "num_inference_steps": self._settings.steps,
            guidance_argument(pipeline_class(self._folder)): self._settings.guidance,
            "width": width,
            "height": height,
        }
        return {name: value for name, value in chosen.items() if value is not None}

    @cached_property
    def _accepted(self) -> dict[str, Argument]:
        """The arguments that this pipeline takes."""
        taken = inspect.signature(type(self._pipeline).__call__).parameters
        if ignored := sorted(self._chosen.keys() - taken.keys()):
            raise InputError(
                f"{type(self._pipeline).__name__} takes no {ignored[0]!r} "
                f"(got {self._chosen[ignored[0]]!r}): leave that option out"
            )
        return {name: value for name, value in self._arguments.items() if name in taken}

    @cached_property
    def _pipeline(self) -> Any:
        import torch
        from diffusers import DiffusionPipeline

        folder, device, dtype = self._folder, self._device, getattr(torch, self._dtype)
        with quiet_libraries():
            parts = _text_side(dtype, folder) if self._sentence_encoder else {}
            try:
                pipeline = DiffusionPipeline.from_pretrained(str(folder), dtype=dtype, **parts)
            except Exception as error:  # noqa: BLE001 - one line for whatever is wrong with it
                raise InputError(
                    f"the pipeline {str(folder)!r} can't be loaded ({one_line(error)})"
                ) from None
            pipeline.set_progress_bar_config(disable=True)
            _place(pipeline, device, self._settings.offload)
        return pipeline

    @cached_property
    def _tokenizers(self) -> list[Tokenizer]:
        if self._sentence_encoder:
            return [load_tokenizer(minilm_folder())]
        try:
            return load_tokenizers(self._folder)
        except Exception as error:  # noqa: BLE001 - a warning is not worth a run
            logger.info("no tokenizer to count with: %s", one_line(error))
            return []

    def unread(self, prompt: str) -> str:
        longest = self._arguments.get("max_sequence_length")
        return unread(prompt, self._tokenizers, longest if isinstance(longest, int) else None)

    def warnings(self, prompt: str) -> list[str]:
        cut = self.unread(prompt)
        if not cut:
            return []
        return [f"the prompt is longer than the renderer reads; it is cut before {cut!r}"]

    def fingerprint(self) -> str:
        parts = {
            "content": content_digest(self._folder),
            "text": MINILM if self._sentence_encoder else None,
            "arguments": self._arguments,
            "device": self._device,
            "dtype": self._dtype,
            **{library: version(library) for library in LIBRARIES},
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def describe(self) -> Mapping[str, str]:
        return {
            "pipeline": "miniature" if self._sentence_encoder else self._location,
            "device": self._device,
            "dtype": self._dtype,
            "fingerprint": self.fingerprint(),
            **{library: version(library) for library in LIBRARIES},
        }


def _call(
    pipeline: Any, arguments: Mapping[str, Argument], batch: Sequence[RenderRequest]
) -> list[RenderResult]:
    import torch

    generators = [torch.Generator("cpu").manual_seed(request.seed) for request in batch]
    with quiet_libraries():
        output = pipeline(
            prompt=[request.prompt for request in batch],
            generator=generators,
            output_type="np",
            **_for_batch({**arguments, **_size_of(batch[0])}, len(batch)),
        )
    refused = getattr(output, "nsfw_content_detected", None) or [False] * len(batch)
    return [
        _result(request, pixels, refused=bool(flag))
        for request, pixels, flag in zip(batch, output.images, refused, strict=True)
    ]


@dataclass(frozen=True)
class _Failure:
    message: str
    out_of_memory: bool


def _failure(error: Exception) -> _Failure:
    import torch

    message = one_line(error)
    memory = isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in message for words in OUT_OF_MEMORY)
    )
    if memory:
        message = (
            "out of memory for a single picture: try --offload model, or a smaller --size "
            f"({message})"
        )
    return _Failure(message, memory)


def _free_memory(pipeline: Any) -> None:
    import torch

    pipeline.maybe_free_model_hooks()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _text_side(dtype: Any, folder: Path) -> dict[str, Any]:
    """Sentence encoder, with the pipeline's own layers on top, and tokenizer.

    In the pipeline's format: the noise is drawn in the same.
    """
    encoder, tokenizer = text_encoder_and_tokenizer(folder)
    return {"text_encoder": encoder.to(dtype), "tokenizer": tokenizer}


def _place(pipeline: Any, device: str, offload: Offload) -> None:
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)


def _size_of(request: RenderRequest) -> dict[str, Argument]:
    size = {"width": request.width, "height": request.height}
    return {name: pixels for name, pixels in size.items() if pixels is not None}


def _check_size(pipeline: Any, arguments: Mapping[str, Argument]) -> None:
    """Refuses a size that does not fit the grid of latents and patches."""
    transformer = getattr(pipeline, "transformer", None)
    patch = getattr(getattr(transformer, "config", None), "patch_size", None) or 1
    step = getattr(pipeline, "vae_scale_factor", 8) * (patch if isinstance(patch, int) else 1)
    sides = [side for name in ("width", "height") if isinstance(side := arguments.get(name), int)]
    if any(side % step for side in sides):
        fitting = "x".join(str(max(step, round(side / step) * step)) for side in sides)
        raise InputError(
            f"--size {'x'.join(map(str, sides))} does not fit: both sides must be multiples of "
            f"{step}; try {fitting}"
        )


def _for_batch(arguments: Mapping[str, Argument], count: int) -> dict[str, Argument]:
    """A negative prompt is wanted once a picture; everything else goes for the whole batch."""
    negative = arguments.get("negative_prompt")
    repeated: dict[str, Argument] = {}
    if isinstance(negative, str):
        repeated["negative_prompt"] = [negative] * count
    return {**arguments, **repeated}


def _result(request: RenderRequest, pixels: np.ndarray, *, refused: bool) -> RenderResult:
    if refused:
        return RenderResult(request, error="the safety checker held the picture back")
    if not np.isfinite(pixels).all():
        return RenderResult(
            request, error="the picture has values that are no numbers: try --dtype float32"
        )
    picture = PIL.Image.fromarray((pixels * 255).round().astype(np.uint8))
    return RenderResult(request, picture.convert("RGB"))
