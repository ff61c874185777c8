"""One scene rendered: attributes and a seed in, a picture out.

    >>> picture = render_scene(attributes, rng_seed=7)
    >>> picture.shape
    (128, 128, 3)

Equal arguments give equal pictures. Mitsuba stays in this file; it is imported with the
``scalar_rgb`` variant, and :func:`single_thread` keeps it to one core.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from miniature.attributes import AIRBORNE, Attributes, Material, Viewpoint
from miniature.scenes.air import Image, add_fog, add_snowfall, blur_out_of_focus
from miniature.scenes.camera import Camera, aim
from miniature.scenes.develop import develop
from miniature.scenes.environments import ISLAND, Place, Plot, build_environment
from miniature.scenes.geometry import Floats, Mesh, merge
from miniature.scenes.lighting import SKY_SHAPE, Rig, Stage, light
from miniature.scenes.subjects import build_subject
from miniature.scenes.subjects.parts import STONE, Subject, boulder

mi.set_variant("scalar_rgb")
mi.set_log_level(mi.LogLevel.Error)

SIZE = 128
SAMPLES = 9
GUIDE_SAMPLES = 4
PATHS = {"type": "path", "max_depth": 4}
GUIDES = {"type": "aov", "aovs": "albedo:albedo,normal:sh_normal,depth:depth"}
ATTEMPTS = 8
DARKEST = 11.0
"""Mean grey level of a picture in which something is seen; darker ones are drawn anew."""
SAMPLER = "stratified"
FILTER = "tent"
STUDIO_RADIUS = {"close": 2.1, "medium": 2.4, "full": 2.7, "wide": 3.0}
SURFACES: dict[Material, dict[str, Any]] = {
    "matte": {"type": "diffuse"},
    "glossy": {"type": "principled", "roughness": 0.12, "specular": 0.8},
    "metallic": {"type": "principled", "roughness": 0.22, "metallic": 0.95},
}
UP = np.array([0.0, 1.0, 0.0])
YAW: dict[Viewpoint, tuple[float, float]] = {
    "front": (0, 10),
    "three-quarter": (35, 52),
    "side": (80, 98),
    "back": (168, 180),
}
WATER = {"type": "principled", "roughness": 0.08, "specular": 0.75}


@dataclass(frozen=True)
class Scene:
    """A furnished and lit scene, ready to be rendered."""

    subject: Subject
    place: Place
    camera: Camera
    rig: Rig

    @property
    def distance(self) -> float:
        """From the camera to the middle of the subject."""
        points = self.subject.points
        return float(np.linalg.norm(self.camera.origin - (points.min(0) + points.max(0)) / 2))


def single_thread() -> None:
    """Keep the renderer to the calling process's one thread."""
    import drjit

    drjit.set_thread_count(0)


def render_scene(
    attributes: Attributes, rng_seed: int, size: int = SIZE, samples: int = SAMPLES
) -> NDArray[np.uint8]:
    """Render a scene; if its camera sees nothing or next to nothing, draw anew what is left open.

    Args:
        attributes: what the scene is to show (its palette is left to the caller).
        rng_seed: decides everything that the attributes leave open.
        size: height and width in pixels.
        samples: light paths a pixel, best a square number (they are stratified).

    Returns:
        8-bit colours (size, size, 3).

    Raises:
        RuntimeError: if no attempt gave a usable picture.
    """
    dark: list[NDArray[np.uint8]] = []
    for attempt in range(ATTEMPTS):
        scene = build_scene(attributes, np.random.default_rng([rng_seed, attempt]))
        if not camera_is_free(scene):
            continue
        radiance, guides = _trace(attributes, scene, size=size, samples=samples, seed=rng_seed)
        picture = develop(
            radiance,
            guides,
            exposure=scene.rig.exposure,
            veil=scene.rig.veil,
            through=partial(_through_the_air, attributes, scene, rng_seed),
        )
        if picture.max() > 60 and picture.mean() > DARKEST:
            return picture
        if picture.max() > 60 and picture.mean() > 4:
            dark.append(picture)
    if dark:
        return max(dark, key=lambda each: float(each.mean()))
    raise RuntimeError(f"no usable view of {attributes!r} with seed {rng_seed}")


def build_scene(attributes: Attributes, rng: np.random.Generator) -> Scene:
    """Build the subject, then the camera, the environment and the lamps around it."""
    afloat = attributes.environment == "lake" and attributes.subject == "boat"
    floor = ISLAND if attributes.environment == "lake" and not afloat else 0.0
    hovers = attributes.floating or attributes.subject in AIRBORNE
    lift = rng.uniform(0.7, 1.0) if hovers else (-0.22 if afloat else -0.02)
    subject = _moved(_subjects(attributes, rng), 0, floor + lift, 0)
    points = subject.points
    framed = np.concatenate([points, [[0, floor, 0]]])
    if attributes.several:  # three fill the frame a little more than one would
        framed = framed * [0.75, 1, 1]
    camera = aim(attributes.camera_angle, attributes.shot, framed, rng)
    reach = float(np.abs(points[:, ::2]).max())
    if attributes.floating:
        subject = Subject(subject.body, merge([subject.trim, _pebbles(floor, lift, rng)]))
    studio = attributes.lighting == "softbox"
    plot = Plot(
        radius=max(STUDIO_RADIUS[attributes.shot], reach + 0.6) if studio else None,
        clear=reach + 0.15,
        island=not afloat,
        big_window=attributes.lighting == "backlit",
        distance=float(np.linalg.norm(camera.origin)),
    )
    stage = Stage(
        angle=attributes.camera_angle,
        camera=camera,
        centre=(points.min(0) + points.max(0)) / 2,
        top=float(points[:, 1].max()),
        reach=reach,
        floor=floor,
    )
    place = build_environment(attributes.environment, plot, rng)
    return Scene(subject, place, camera, light(attributes.lighting, stage, rng))


def _subjects(attributes: Attributes, rng: np.random.Generator) -> Subject:
    """The subject, or three of it side by side."""
    yaw = _yaw(attributes.viewpoint, rng)
    build = partial(
        build_subject, attributes.subject, attributes.colour, mossy=attributes.mossy, rng=rng
    )
    if not attributes.several:
        return build(yaw=yaw)
    three = [build(yaw=yaw + turn) for turn in (0, *rng.uniform(-14, 14, 2))]
    wide = [float(np.abs(each.points[:, 0]).max()) for each in three]
    x = np.array([0, 1, -1]) * (0.92 * (wide[0] + np.array([0, wide[1], wide[2]])))
    z = np.array([0, *rng.uniform(-0.9, 0.25, 2)])
    moved = [_moved(each, *place) for each, *place in zip(three, x, 0 * x, z, strict=True)]
    return Subject(merge([each.body for each in moved]), merge([each.trim for each in moved]))


def _yaw(viewpoint: Viewpoint, rng: np.random.Generator) -> float:
    """The turn of a subject in degrees; half of the subjects are seen from their other side."""
    low, high = YAW[viewpoint]
    return float(rng.uniform(low, high) * rng.choice((-1, 1)))


def _moved(subject: Subject, x: float, y: float, z: float) -> Subject:
    return Subject(subject.body.moved(x, y, z), subject.trim.moved(x, y, z))


def _through_the_air(
    attributes: Attributes, scene: Scene, seed: int, radiance: Image, depth: Image
) -> Image:
    """Depth of field, fog and snowfall, where the scene has them."""
    if attributes.shallow:
        points = scene.subject.points
        reach = float(np.linalg.norm(np.ptp(points, axis=0))) / 2
        radiance = blur_out_of_focus(radiance, depth, distance=scene.distance, reach=reach)
    if attributes.weather == "fog":
        horizon = scene.rig.sky[SKY_SHAPE[0] * 4 // 10 : SKY_SHAPE[0] // 2].mean((0, 1))
        colour = 0.8 * horizon + 0.25 * radiance.mean((0, 1))
        radiance = add_fog(radiance, depth, colour=colour, distance=scene.distance)
    if attributes.weather == "snowfall":
        rng = np.random.default_rng((seed, 1))
        radiance = add_snowfall(radiance, depth, distance=scene.distance, rng=rng)
    return radiance


def _pebbles(floor: float, lift: float, rng: np.random.Generator) -> Mesh:
    stones = []
    for _ in range(5):
        size = rng.uniform(0.07, 0.15)
        x, y, z = rng.uniform([-0.8, 0.15, -0.8], [0.8, lift * 0.85, 0.8])
        stone = boulder(rng, STONE, mossy=False, subdivisions=1).scaled(size, size, size)
        stones.append(stone.moved(x, floor + y, z))
    return merge(stones)


def camera_is_free(scene: Scene) -> bool:
    """Whether the camera is above the ground and outside of the subject."""
    origin = scene.camera.origin
    ground = scene.place.ground.vertices
    beside = np.linalg.norm(ground[:, ::2] - origin[::2], axis=1) < 2
    buried = beside.any() and origin[1] < ground[beside, 1].max() + 0.03
    nearest = np.linalg.norm(scene.subject.points - origin, axis=1).min()
    return bool(not buried and nearest > 0.5)


def _trace(
    attributes: Attributes, scene: Scene, *, size: int, samples: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    water = attributes.environment == "lake"
    surface = SURFACES[attributes.material]
    meshes = {
        "body": _shape(scene.subject.body, surface),
        "ground": _shape(scene.place.ground, WATER if water else SURFACES["matte"]),
        "rest": _shape(
            merge([scene.place.decor, scene.rig.props, scene.subject.trim]), SURFACES["matte"]
        ),
    }
    description = {
        "type": "scene",
        "sensor": _sensor(scene.camera, size, samples),
        "sky": {
            "type": "envmap",
            "bitmap": mi.Bitmap(scene.rig.sky.astype(np.float32)),
            "sampling_weight": scene.rig.sky_weight,
        },
        **{name: _placed(lamp) for name, lamp in scene.rig.lamps.items()},
        **meshes,
    }
    loaded, random = mi.load_dict(description), mi.UInt32(seed % 2**32)
    radiance = mi.render(loaded, integrator=mi.load_dict(PATHS), seed=random, spp=samples)
    guides = mi.render(loaded, integrator=mi.load_dict(GUIDES), seed=random, spp=GUIDE_SAMPLES)
    return np.array(radiance), np.array(guides)[..., -7:]


def _sensor(camera: Camera, size: int, samples: int) -> dict[str, Any]:
    return {
        "type": "perspective",
        "fov": camera.field_of_view,
        "to_world": _look(camera.origin, camera.target, camera.axes[1]),
        "sampler": {"type": SAMPLER, "sample_count": samples},
        "film": {
            "type": "hdrfilm",
            "width": size,
            "height": size,
            "pixel_format": "rgb",
            "rfilter": {"type": FILTER},
        },
    }


def _look(origin: Floats, target: Floats, up: Floats = UP) -> Any:
    return mi.ScalarTransform4f().look_at(
        origin=[float(x) for x in origin],
        target=[float(x) for x in target],
        up=[float(x) for x in up],
    )


def _placed(lamp: dict[str, Any]) -> dict[str, Any]:
    place = lamp.get("to_world")
    if place is None:
        return lamp
    return {**lamp, "to_world": _look(place["place"], place["target"]).scale(place["half"])}


def _shape(mesh: Mesh, surface: dict[str, Any]) -> Any:
    slot = "reflectance" if surface["type"] == "diffuse" else "base_color"
    colours = {"type": "mesh_attribute", "name": "vertex_color"}
    properties = mi.Properties()
    properties["mesh_bsdf"] = mi.load_dict({"type": "twosided", "bsdf": {**surface, slot: colours}})
    shape = mi.Mesh(
        "mesh", len(mesh.vertices), len(mesh.faces), has_vertex_normals=True, props=properties
    )
    shape.add_attribute("vertex_color", 3, mesh.colours.ravel().tolist())
    parameters = mi.traverse(shape)
    parameters["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
    parameters["vertex_normals"] = mesh.normals.astype(np.float32).ravel()
    parameters["faces"] = mesh.faces.astype(np.uint32).ravel()
    parameters.update()
    return shape
