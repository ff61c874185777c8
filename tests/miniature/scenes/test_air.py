import numpy as np

from miniature.scenes.air import add_fog, add_snowfall, blur_out_of_focus

SIZE = 64


def view() -> tuple[np.ndarray, np.ndarray]:
    """A checkerboard in linear light; its left half is 4 away, its right half 40, the top sky."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    light = ((rows // 2 + columns // 2) % 2).astype(np.float32)[..., None] * np.ones(3, np.float32)
    depth = np.where(columns < SIZE // 2, 4.0, 40.0)
    depth[:8] = 0
    return light, depth


def test_fog_hides_what_is_far_and_the_sky():
    light, depth = view()
    foggy = add_fog(light, depth, colour=np.full(3, 0.5), distance=4)
    left = np.abs(foggy - light)[8:, : SIZE // 2].mean()

    assert 0 < left < 0.2
    assert np.allclose(foggy[8:, SIZE // 2 :], 0.5, atol=0.02)
    assert np.allclose(foggy[:8], 0.5, atol=1e-3)


def test_snow_falls_behind_and_before_but_not_through_the_near():
    light, depth = view()
    near = np.full_like(depth, 0.5)
    rng = np.random.default_rng
    far = np.full_like(depth, 100.0)

    assert (add_snowfall(light, near, distance=4, rng=rng(0)) == light).all()
    assert np.abs(add_snowfall(light, far, distance=4, rng=rng(0)) - light).mean() > 0.02


def test_the_subject_stays_sharp():
    light, depth = view()
    blurred = blur_out_of_focus(light, depth, distance=4, reach=1)

    assert (blurred[8:, : SIZE // 2] == light[8:, : SIZE // 2]).all()
    assert blurred[12:-4, SIZE // 2 + 4 : -4].std() < 0.5 * light.std()
