from pathlib import Path
from statistics import fmean

import pytest

from agent.config import RunConfig
from agent.trajectory import Candidate, Step, Trajectory
from benchmarks.batches import margins
from benchmarks.coverage import noisy_runs
from benchmarks.gain import main as gain
from benchmarks.report import Report, in_one_line
from benchmarks.runs import run_once
from scorer.profile import UserProfile

OPTIONS = {"renderer": "fake", "scorer": "fake:noise", "iterations": 1, "branching": 1}


def test_with_a_scorer_of_noise_the_heldout_intervals_cover_zero(tmp_path: Path):
    covered, searched = noisy_runs(40, tmp_path)
    # 95 % are expected; fewer than 34 of 40 have a probability below 0.002.
    assert sum(covered) >= 34
    # The searched seeds would have promised a great gain.
    assert fmean(searched) > 1


def test_everything_possible_is_tried_with_scenes_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["gain", "--possible"])
    with pytest.raises(SystemExit) as ended:
        in_one_line(gain)
    assert ended.value.code == 2
    assert "--possible is for --renderer scene, not 'miniature'" in capsys.readouterr().err


def test_a_benchmark_that_is_started_again_takes_the_runs_that_are_done(tmp_path: Path):
    user = UserProfile(user_id="owl")
    first = run_once("rocks", user, tmp_path, OPTIONS)
    again = run_once("rocks", user, tmp_path, OPTIONS)
    other = run_once("rocks", user, tmp_path, {**OPTIONS, "seed": 1})
    assert again == first
    assert other.id != first.id
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_of_a_benchmark_that_was_killed_goes_on(tmp_path: Path):
    user = UserProfile(user_id="owl")
    first = run_once("rocks", user, tmp_path, OPTIONS)
    path = tmp_path / first.id / "trajectory.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    again = run_once("rocks", user, tmp_path, OPTIONS)
    assert again.status == "done"
    assert [(c.prompt, c.score) for c in again.candidates] == [
        (c.prompt, c.score) for c in first.candidates
    ]


def test_margins_are_distances_to_another_order():
    def candidate(name: str, score: float) -> Candidate:
        return Candidate(
            id=name, parent=None, iteration=0, prompt=name, edit=None, status="scored", score=score
        )

    run = Trajectory(
        id="r",
        status="done",
        prompt="x",
        user_id="u",
        config=RunConfig(),
        candidates=tuple(candidate(*c) for c in (("c1", 3.0), ("c2", 2.5), ("c3", 2.499))),
        steps=(Step(iteration=0, beam=("c1", "c2"), best_score=3.0),),
    )
    assert margins(run) == pytest.approx([0.499, 0.0], abs=1e-9)


def test_a_bar_that_is_not_met_ends_a_benchmark_with_1(capsys: pytest.CaptureFixture[str]):
    report = Report("python -m benchmarks.none")
    report.bar("reached", 0.9, at_least=0.8, n=10)
    with pytest.raises(SystemExit) as met:
        report.close(json_output=True)
    report.bar("missed", 0.7, at_least=0.8, n=10)
    with pytest.raises(SystemExit) as missed:
        report.close(json_output=False)
    assert (met.value.code, missed.value.code) == (0, 1)
    assert "NOT MET  missed: 0.700 (need >= 0.8, n = 10)" in capsys.readouterr().out
