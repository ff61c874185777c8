"""Renderers: a spec becomes something that draws.

    renderer = make_renderer("diffusers:models/sdxl", steps=30, size=(1024, 1024))
    for result in renderer.render([RenderRequest("a mossy rock", seed=7)]): ...

The one rule that is not obvious: a spec is checked when the renderer is made, so that a run with
a wrong one stops before anything is spent; models are loaded at the first picture.
"""

from pathlib import Path

from agent.config import Device, Dtype, Offload
from agent.errors import InputError, PrerequisiteError
from agent.render.base import Renderer, RenderRequest, RenderResult

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
        steps: Denoising steps; None leaves it to the model.
        guidance: Guidance scale; None leaves it to the model.
        size: Width and height in pixels; None leaves it to the renderer.
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
    match kind, name:
        case "fake", "":
            from agent.render.fake import FakeRenderer

            return FakeRenderer(size)
        case "scene", "":
            from agent.render.scene import SceneRenderer

            return _cached(SceneRenderer(size), 1, cache=cache)
        case "openai", model if model:
            from agent.render.hosted import HostedRenderer

            hosted = HostedRenderer(model, size=size, base_url=image_base_url)
            return _cached(hosted, 1, cache=cache)
        case ("miniature", "") | ("diffusers", _) if kind == "miniature" or name:
            from agent.render.diffusion import DiffusionRenderer, DiffusionSettings
            from agent.render.folder import find_pipeline

            embedded = kind == "miniature"
            location = str(_miniature_folder()) if embedded else find_pipeline(name)
            settings = DiffusionSettings(steps, guidance, size, device, dtype, offload, batch_size)
            diffusion = DiffusionRenderer(location, settings, sentence_encoder=embedded)
            return _cached(diffusion, batch_size, cache=cache)
        case _:
            raise InputError(f"unknown renderer {spec!r}: known are {', '.join(KNOWN)}")


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
