"""Triangle meshes with a colour per vertex, and the primitives that scenes are built from.

    >>> trunk = cylinder().scaled(0.2, 1.0, 0.2).painted((0.2, 0.1, 0.05))
    >>> tree = merge([trunk, sphere().moved(0, 1.5, 0)])

A mesh never changes: every method returns a new one. Solids stand on y = 0 and have unit size.
Cones and hills are flat-shaded, because interpolated normals at grazing angles render black.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Colour = tuple[float, float, float]
WHITE: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Mesh:
    """Vertices, normals and colours (n, 3), and faces (m, 3) that index them."""

    vertices: Floats
    normals: Floats
    colours: Floats
    faces: NDArray[np.int64]

    def moved(self, x: float, y: float, z: float) -> "Mesh":
        """The mesh, shifted."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def scaled(self, x: float, y: float, z: float) -> "Mesh":
        """The mesh, stretched along the axes."""
        factors = np.array([x, y, z])
        return replace(
            self, vertices=self.vertices * factors, normals=_unit(self.normals / factors)
        )

    def turned(self, axis: str, degrees: float) -> "Mesh":
        """The mesh, rotated about "x", "y" or "z"."""
        matrix = rotation(axis, degrees).T
        return replace(self, vertices=self.vertices @ matrix, normals=self.normals @ matrix)

    def painted(self, colour: ArrayLike) -> "Mesh":
        """The mesh in one colour, or in one colour a vertex."""
        return replace(self, colours=np.array(np.broadcast_to(colour, self.vertices.shape)))


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def rotation(axis: str, degrees: float) -> Floats:
    """The 3x3 matrix that rotates column vectors about one axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def smooth_mesh(vertices: Floats, normals: Floats, faces: ArrayLike) -> Mesh:
    """A white mesh whose shading follows the given normals."""
    return Mesh(vertices, normals, np.ones_like(vertices), np.asarray(faces, np.int64))


def flat_mesh(vertices: ArrayLike, faces: ArrayLike) -> Mesh:
    """A white mesh of flat facets: no vertex is shared."""
    corners = np.asarray(vertices, float)[np.asarray(faces)]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.repeat(_unit(across), 3, axis=0)
    return smooth_mesh(corners.reshape(-1, 3), normals, np.arange(normals.size // 3).reshape(-1, 3))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """All meshes as one; of none, a mesh without vertices."""
    if not meshes:
        return Mesh(*(np.zeros((0, 3)) for _ in range(3)), faces=np.zeros((0, 3), np.int64))
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.colours for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def scatter(
    mesh: Mesh, positions: Floats, scales: ArrayLike, yaws: ArrayLike = 0.0, tints: ArrayLike = 1.0
) -> Mesh:
    """Many copies of a mesh at once.

    Args:
        mesh: what is copied.
        positions: where each of the n copies goes (n, 3).
        scales: a factor for each axis of each copy, broadcast to (n, 3).
        yaws: the turn of each copy about y in radians, broadcast to (n,).
        tints: what each copy's colours are multiplied with, broadcast to (n, 3).
    """
    count = len(positions)
    scales = np.broadcast_to(scales, (count, 3))[:, None]
    yaws = np.broadcast_to(yaws, (count,))[:, None]
    starts = np.arange(count)[:, None, None] * len(mesh.vertices)
    return Mesh(
        (_yawed(mesh.vertices * scales, yaws) + positions[:, None]).reshape(-1, 3),
        _yawed(_unit(mesh.normals / scales), yaws).reshape(-1, 3),
        (mesh.colours * np.broadcast_to(tints, (count, 3))[:, None]).reshape(-1, 3),
        (mesh.faces + starts).reshape(-1, 3),
    )


def _yawed(vectors: Floats, yaws: Floats) -> Floats:
    x, y, z = np.moveaxis(vectors, -1, 0)
    cosine, sine = np.cos(yaws), np.sin(yaws)
    return np.stack([x * cosine + z * sine, np.broadcast_to(y, x.shape), z * cosine - x * sine], -1)


def waves(
    points: Floats, rng: np.random.Generator, *, amplitude: float, low: float = 1.5, high: float = 6
) -> Floats:
    """Smooth noise, one value a point: a sum of 14 random plane waves (frequencies low..high)."""
    directions = _unit(rng.normal(size=(14, 3)))
    frequencies = rng.uniform(low, high, 14)
    phases = points @ (directions * frequencies[:, None] * 2).T + rng.uniform(0, 2 * np.pi, 14)
    return np.sin(phases) @ (amplitude / frequencies**0.6)


@cache
def box() -> Mesh:
    """A unit cube on the ground."""
    solid = trimesh.creation.box((1, 1, 1))
    return flat_mesh(np.array(solid.vertices) + np.array([0, 0.5, 0]), np.array(solid.faces))


@cache
def prism() -> Mesh:
    """A gable: a unit wide and deep, its ridge along z at height 1."""
    vertices = [
        (-0.5, 0, -0.5),
        (0.5, 0, -0.5),
        (0.5, 0, 0.5),
        (-0.5, 0, 0.5),
        (0, 1, -0.5),
        (0, 1, 0.5),
    ]
    faces = [(0, 1, 2), (0, 2, 3), (3, 2, 5), (1, 0, 4), (0, 3, 5), (0, 5, 4), (2, 1, 4), (2, 4, 5)]
    return flat_mesh(vertices, faces)


@cache
def sphere(subdivisions: int = 3) -> Mesh:
    """A unit sphere about the origin."""
    solid = trimesh.creation.icosphere(subdivisions=subdivisions)
    vertices = np.array(solid.vertices)
    return smooth_mesh(vertices, vertices.copy(), np.array(solid.faces))


@cache
def revolve(
    profile: tuple[tuple[float, float], ...], sections: int = 24, ribs: float = 0.0
) -> Mesh:
    """A profile of (radius, height) turned about y: flat facets, bottom to top.

    Args:
        profile: the outline, listed upwards on the outside.
        sections: how many facets go round.
        ribs: how deep every second section is pushed in, as a share of the radius.
    """
    turns = np.arange(sections) / sections * 2 * np.pi
    depth = np.where(np.arange(sections) % 2, 1 - ribs, 1.0)
    radius, height = np.array(profile).T
    rings = np.stack(
        [
            radius[:, None] * depth * np.cos(turns),
            np.broadcast_to(height[:, None], (len(height), sections)),
            radius[:, None] * depth * np.sin(turns),
        ],
        axis=-1,
    )
    mesh = flat_mesh(rings.reshape(-1, 3), grid_faces(len(profile), sections))
    corners = mesh.vertices[mesh.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1
    )
    return replace(mesh, faces=mesh.faces[area > 1e-9])


def grid_faces(rings: int, sections: int) -> NDArray[np.int64]:
    """The triangles between neighbouring rings of a closed grid, facing outwards or up."""
    ring = np.arange(rings - 1)[:, None] * sections
    here = np.arange(sections)[None]
    there = (here + 1) % sections
    a, b = (ring + here).ravel(), (ring + there).ravel()
    c, d = a + sections, b + sections
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


@cache
def cylinder(sections: int = 24) -> Mesh:
    """A unit radius, a unit height, smooth round its side."""
    mesh = revolve(((0, 0), (1, 0), (1, 1), (0, 1)), sections)
    side = np.abs(mesh.normals[:, 1]) < 0.5
    round_normals = _unit(mesh.vertices * [1, 0, 1])
    return replace(mesh, normals=np.where(side[:, None], round_normals, mesh.normals))


@cache
def cone(sections: int = 16) -> Mesh:
    """A unit radius, a unit height, in flat facets."""
    return revolve(((0, 0), (1, 0), (0, 1)), sections)


def blob(rng: np.random.Generator, *, roughness: float = 0.12, subdivisions: int = 3) -> Mesh:
    """A unit sphere dented by noise: a boulder, or the crown of a tree."""
    ball = sphere(subdivisions)
    vertices = ball.vertices * (1 + waves(ball.vertices, rng, amplitude=roughness))[:, None]
    return flat_mesh(vertices, ball.faces)
