"""Renderers: a spec becomes something that draws.

    renderer = make_renderer("diffusers:models/sdxl", steps=30, size=(1024, 1024))
    for result in renderer.render([RenderRequest("a mossy rock", seed=7)]): ...

The one rule that is not obvious: a spec is checked when the renderer is made, so that a run with
a wrong one stops before anything is spent; models are loaded at the first picture.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import Device, Dtype, Offload
from agent.errors import InputError, PrerequisiteError
from agent.render.base import Renderer, RenderRequest, RenderResult

if TYPE_CHECKING:
    from agent.render.diffusion import DiffusionSettings

__all__ = ["KNOWN", "RenderRequest", "RenderResult", "Renderer", "make_renderer"]

KNOWN = ("miniature", "diffusers:<path or id>", "openai:<model>", "scene", "fake")


def make_renderer(  # noqa: PLR0913 - one argument a setting: builders flatten the config
    spec: str,
    *,
    steps: int | None = None,
    guidance: float | None = None,
    size: tuple[int, int] | None = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    offload: Offload = "none",
    batch_size: int = 8,
    image_base_url: str | None = None,
    cache: bool = True,
) -> Renderer:
    """The renderer that a spec names.

    Args:
        spec: One of `KNOWN`.
        steps: Denoising steps; None, here and below, leaves it to the model.
        guidance: Guidance scale.
        size: Width and height in pixels.
        device: Where a diffusion model runs.
        dtype: Number format that it computes in.
        offload: What of it is kept off the accelerator.
        batch_size: Pictures that it draws at once.
        image_base_url: Server for `openai:`; None is OpenAI's.
        cache: Whether pictures are kept on disk and not drawn twice.

    Raises:
        InputError: the spec is unknown, or what it names isn't there.
        PrerequisiteError: a package, weights or a key are missing.
    """
    kind, _, name = spec.partition(":")
    if spec == "fake":
        from agent.render.fake import FakeRenderer

        return FakeRenderer(size)
    if spec == "scene":
        from agent.render.scene import SceneRenderer

        return _cached(SceneRenderer(size), 1, cache=cache)
    if kind == "openai" and name:
        from agent.render.hosted import HostedRenderer

        return _cached(HostedRenderer(name, size=size, base_url=image_base_url), 1, cache=cache)
    if spec == "miniature" or (kind == "diffusers" and name):
        from agent.render.diffusion import DiffusionSettings

        settings = DiffusionSettings(steps, guidance, size, device, dtype, offload, batch_size)
        return _cached(_diffusion(name, settings), batch_size, cache=cache)
    raise InputError(f"unknown renderer {spec!r}: known are {', '.join(KNOWN)}")


def _diffusion(location: str, settings: "DiffusionSettings") -> Renderer:
    """The renderer of a pipeline; no location is the miniature's."""
    from agent.render.diffusion import DiffusionRenderer
    from agent.render.folder import find_pipeline

    if location:
        return DiffusionRenderer(find_pipeline(location), settings)
    return DiffusionRenderer(str(_miniature_folder()), settings, sentence_encoder=True)


def _cached(renderer: Renderer, batch_size: int, *, cache: bool) -> Renderer:
    if not cache:
        return renderer
    from agent.render.cache import CachedRenderer
    from scorer.cache import cache_folder

    return CachedRenderer(renderer, cache_folder() / "renders", batch_size=batch_size)


def _miniature_folder() -> Path:
    import miniature

    folder = miniature.WEIGHTS / "renderer"
    if not (folder / "model_index.json").is_file():
        raise PrerequisiteError(
            f"the weights of the miniature are missing in {str(folder)!r}: install the package "
            f"again, or train them with python -m miniature.renderer"
        )
    return folder
