from pathlib import Path

from benchmarks.overlap import Delays, figures, measured, served_model

SHORT = Delays(0.05, 0.05)


def test_a_run_without_the_overlap_takes_both_sums_and_writes_the_same(tmp_path: Path):
    with served_model() as model:
        apart = measured(model, tmp_path, SHORT, overlap=False, seed=0)
        together = measured(model, tmp_path, SHORT, overlap=True, seed=0)
    found = figures(apart)

    assert apart.lines == together.lines
    assert (found["batches"], found["questions"]) == (11, 10)
    assert apart.wall >= sum(apart.batches) + sum(map(max, apart.answers))
    assert apart.longer >= 11 * 0.05
