import io
from pathlib import Path

import pytest
from rich.console import Console

from agent.config import RunConfig
from agent.console import is_colourful
from agent.display import Display
from agent.look.family import Family
from agent.observer import Row
from agent.summary import closing, diff_text, heading, headline, tree
from agent.trajectory import Candidate, Edit, Event, Gain, Heldout, Step, Trajectory

EVIL = "rocks [bold red]\x1b[2J :smile: <b>\n../"


def candidate(name: str, parent: str | None, score: float, prompt: str) -> Candidate:
    edit = Edit(axis="lighting", instruction=f"change {name}", prompt=prompt) if parent else None
    return Candidate(
        id=name,
        parent=parent,
        iteration=0,
        prompt=prompt,
        edit=edit,
        status="scored",
        score=score,
        scores={"adherence": 0.31},
    )


INITIAL = candidate("c0000", None, 3.0, "a rock")
MIDDLE = candidate("c0001", "c0000", 3.2, "a rock, neon")
BEST = candidate("c0002", "c0001", 3.5, "a mossy rock, neon")


def run(
    gain: Gain, *, best: Candidate = BEST, scorer: str = "pamela", pairs: int = 8
) -> Trajectory:
    heldout = tuple(
        Heldout(candidate=name, seed=seed, score=1.0)
        for seed in range(pairs)
        for name in (INITIAL.id, best.id)
    )
    return Trajectory(
        id="20261124-1530-a-rock-ab12",
        status="done",
        prompt=INITIAL.prompt,
        user_id="night-owl",
        config=RunConfig(scorer=scorer),
        initial=INITIAL,
        best=best,
        gain=gain,
        candidates=(INITIAL, MIDDLE, BEST),
        heldout=heldout,
    )


def printed(*renderables: object, colour: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=colour, width=100, markup=False, emoji=False)
    for renderable in renderables:
        console.print(renderable)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("gain", "more", "words"),
    [
        (
            Gain(search=0.6, heldout=0.42, heldout_ci95=(0.21, 0.63)),
            {},
            "predicted liking +0.42 [0.21, 0.63] on a scale of 1 to 5, on 8 held-out seeds",
        ),
        (
            Gain(search=0.6, heldout=0.1, heldout_ci95=(-0.1, 0.3)),
            {},
            "predicted liking +0.10 [-0.10, 0.30] on a scale of 1 to 5, on 8 held-out seeds: "
            "the interval covers zero, so there may be no gain",
        ),
        (
            Gain(search=0.6, heldout=0.1),
            {"pairs": 1},
            "predicted liking +0.10 on a scale of 1 to 5, on 1 held-out seed (too few for an "
            "interval)",
        ),
        (
            Gain(search=0.6),
            {"pairs": 0},
            "predicted liking +0.60 on a scale of 1 to 5, on the seeds of the search only "
            "(optimistic: the search chose by them)",
        ),
        (
            Gain(search=0.0, heldout=0.0, heldout_ci95=(0, 0)),
            {"best": INITIAL},
            "no edit was predicted to be liked more: the first prompt stays the best",
        ),
        (
            Gain(search=0.6, heldout=0.42, heldout_ci95=(0.21, 0.63)),
            {"scorer": "fake:noise"},
            "score of fake:noise +0.42 [0.21, 0.63], on 8 held-out seeds",
        ),
        (Gain(), {}, "nothing is known of the gain: the first prompt has no score"),
    ],
)
def test_headline_says_the_gain_honestly(gain: Gain, more: dict[str, object], words: str):
    assert headline(run(gain, **more)) == words  # pyright: ignore[reportArgumentType]


def test_closing_tells_prompt_edits_gain_and_where_the_pictures_lie():
    done = run(Gain(search=0.5, heldout=0.4, heldout_ci95=(0.1, 0.7)))
    text = printed(*closing(done, Path("runs/x y"), colourful=False))

    assert "Best prompt  a mossy rock, neon\n" in text
    assert "a [+mossy +]rock[+, neon+]" in text
    assert "lighting: change c0001\n  lighting: change c0002" in text
    assert "predicted liking +0.40" in text
    assert "runs/x y/images" in text
    assert "pamela-agent show 'runs/x y'" in text


def test_interrupted_run_tells_how_to_go_on():
    stopped = run(Gain()).model_copy(update={"status": "interrupted"})
    text = printed(*closing(stopped, Path("runs/x"), colourful=False))

    assert "pamela-agent run --resume runs/x" in text
    assert "interrupted, the gain is not measured" in text


def test_lineage_is_the_edits_in_order():
    assert Family(run(Gain())).lineage(BEST) == [MIDDLE, BEST]


def test_colours_take_the_place_of_brackets():
    text = diff_text("a grey rock", "a mossy rock", colourful=True)

    assert text.plain == "a grey mossy rock"
    assert "[+" not in text.plain
    assert {str(span.style) for span in text.spans} >= {"bold green", "red strike"}


def test_text_from_outside_is_shown_whole_and_obeyed_by_nobody():
    evil = candidate("c0001", "c0000", 3.5, EVIL).model_copy(update={"error": EVIL})
    done = run(Gain(search=0.5), best=evil).model_copy(
        update={
            "prompt": EVIL,
            "candidates": (INITIAL, evil),
            "events": (Event(type="warning", iteration=0, message=EVIL),),
        }
    )
    lines = [*heading(done), tree(done), *closing(done, Path("runs/x"), colourful=True)]
    text = printed(*lines)

    assert "\x1b" not in text
    assert text.count("rocks [bold red]\\x1b[2J :smile: <b>\\n../") == 6


def test_tree_shows_every_candidate_with_what_its_edit_changed():
    text = printed(tree(run(Gain(search=0.5))))

    for shown in (INITIAL, MIDDLE, BEST):
        assert shown.id in text
    for words in ("a rock\n", "a rock[+, neon+]", "a [+mossy +]rock, neon"):
        assert words in text
    assert "3.500 (+0.50) adherence 0.31" in text


def test_tree_says_why_a_branch_went_no_further():
    beams = [
        Step(iteration=1, beam=("c0001",), best_score=MIDDLE.score),
        Step(iteration=2, beam=("c0002",), best_score=BEST.score),
    ]
    other = candidate("c0003", "c0000", 2.5, "a rock, mist").model_copy(update={"iteration": 1})
    lost = run(Gain(search=0.5)).model_copy(
        update={"candidates": (INITIAL, MIDDLE, BEST, other), "steps": tuple(beams)}
    )
    (line,) = (line for line in printed(tree(lost)).splitlines() if "c0003" in line)

    assert f"below {MIDDLE.score:.2f}" in line
    assert "below" not in printed(tree(lost)).replace(line, "")


ROW = Row(1, 4, 3.5, 0.5, ("a mossy rock [/]", "a rock"), pictures=26, seconds=8.31)


def shown(row: Row, *, terminal: bool, quiet: bool = False, width: int = 100) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=terminal, width=width, markup=False, highlight=False
    )
    with Display(console=console, quiet=quiet) as display:
        display.phase("draw", iteration=1, total=2)
        display.advance()
        display.row(row)
        display.event(Event(type="leanings", iteration=0, message="moonlight +0.80"))
        display.event(Event(type="warning", iteration=0, message="cut\x1b[2J"))
    return stream.getvalue()


def test_plain_lines_where_nobody_watches():
    assert shown(ROW, terminal=False) == (
        "iteration 1/4: best 3.50, gain +0.50, 26 pictures, 8.3 s\n"
        "  1. a mossy rock [/]\n"
        "  2. a rock\n"
        "leanings: moonlight +0.80\nwarning: cut\\x1b[2J\n"
    )


def test_table_on_a_terminal_holds_the_same():
    text = shown(ROW, terminal=True)

    for cell in ("Iteration", "1/4", "3.50", "+0.50", "26", "8.3 s", "a mossy rock [/]"):
        assert cell in text
    assert "cut\\x1b[2J" in text


def test_a_run_whose_edits_were_all_rejected_says_so():
    reason = "subject 0.1 is below 0.35: \x1b[2J"
    update = {"status": "rejected", "score": None, "error": reason}
    edits = [edit.model_copy(update=update) for edit in (MIDDLE, BEST)]
    gain = Gain(search=0, heldout=0, heldout_ci95=(0, 0))
    rejected = run(gain, best=INITIAL).model_copy(update={"candidates": (INITIAL, *edits)})

    assert headline(rejected).endswith(
        "(2 of 2 edits were rejected: subject 0.1 is below 0.35: \\x1b[2J)"
    )
    assert "rejected" in printed(tree(rejected))
    assert "subject 0.1 is below 0.35" in printed(tree(rejected))


@pytest.mark.parametrize("width", [20, 45, 69])
def test_a_narrow_terminal_gets_whole_figures(width: int):
    text = shown(ROW, terminal=True, width=width)

    assert "iteration 1/4: best 3.50, gain +0.50, 26 pictures, 8.3 s\n" in text


def test_quiet_shows_warnings_only():
    assert shown(ROW, terminal=False, quiet=True) == "warning: cut\\x1b[2J\n"


def test_warnings_about_edits_are_shown_only_at_first():
    stream = io.StringIO()
    display = Display(console=Console(file=stream, markup=False))
    for number in range(20):
        display.event(Event(type="warning", iteration=1, message=f"c{number:04d} is cut"))

    assert len(stream.getvalue().splitlines()) == 5


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_no_colour_is_wanted(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, {"NO_COLOR": "1", "TERM": "dumb"}[name])

    assert not is_colourful(Console(force_terminal=True))


def test_edits_that_a_later_one_took_back_say_so():
    last = candidate("c0002", "c0001", 3.5, "a rock, at dawn")
    found = run(Gain(search=0.5), best=last).model_copy(
        update={"candidates": (INITIAL, MIDDLE, last)}
    )
    said = printed(*closing(found, None, colourful=False))
    assert "change c0001 (replaced since)\n" in said
    assert "change c0002\n" in said


def test_closing_says_how_often_the_catalogue_stepped_in():
    event = Event(type="fallback", iteration=1, message="the catalogue proposes edits instead")
    config = RunConfig(llm="openai/tiny", scorer="pamela")
    found = run(Gain(search=0.5)).model_copy(update={"events": (event,) * 3, "config": config})
    said = printed(*closing(found, None, colourful=False))
    assert "the catalogue, 3 times, for openai/tiny" in said
    assert "Stepped in" not in printed(*closing(run(Gain(search=0.5)), None, colourful=False))
