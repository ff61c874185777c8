"""When a proposer is asked for what, and when its answers are taken.

    inquirer = Inquirer(ledger, asker, parts.proposer, searcher)
    asked = inquirer.ask(searcher.ask(), iteration=1)      # a hosted model answers meanwhile
    record = inquirer.take(asked)                          # waits for what is not there yet

A model that is waited for (a hosted one) is asked while pictures are drawn: for edits of the
candidate that is the best so far before the last batch of an iteration is scored, and for those of
the other parents while the edits of that one are drawn. The one rule that is not obvious: what is
asked when, and when an answer is taken, follows from the run alone and never from how long
anything takes; so with `overlap` off, where everything waits, the run is the same.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import comb

from agent.asking import Asker
from agent.errors import PamelaError, RunError
from agent.judge import Draft
from agent.ledger import Ledger
from agent.lm import HostedSpec, parse_lm_spec
from agent.proposer import Completes, ProposalRequest, Proposals, Proposer, knowing
from agent.records import INITIAL_ID, ProposalRecord
from agent.search.base import Expansion, Searcher
from agent.threads import Begun
from agent.trajectory import Candidate

WORTH_ASKING = 0.5
"""The least chance that a candidate is still a parent when it is its turn."""


@dataclass(frozen=True)
class Asked:
    """Requests that are out, or were answered before the run was resumed."""

    parents: tuple[str, ...]
    record: ProposalRecord
    """Without answers as long as they are out."""
    requests: tuple[ProposalRequest, ...] = ()
    answers: Begun[list[Proposals]] | None = None
    """None: they are in the record."""


def chance_to_stay(known: int, coming: int, width: int) -> float:
    """How likely the best of `known` scores is among the best `width` once more have come.

    It is left out if the best `width` of all of them are new ones; every order is as likely.
    """
    if coming < width:
        return 1.0
    return 1.0 - comb(coming, width) / comb(known + coming, width)


class Inquirer:
    """Asks a proposer for one run.

    Args:
        ledger: The run so far.
        asker: Makes the requests.
        proposer: Is asked.
        searcher: Decides what is asked for; it is copied to find out what it would ask next.
        overlap: Whether anything is done while a hosted model is waited for.
    """

    def __init__(
        self,
        ledger: Ledger,
        asker: Asker,
        proposer: Proposer,
        searcher: Searcher,
        *,
        overlap: bool = True,
    ) -> None:
        self._ledger = ledger
        self._asker = asker
        self._proposer = proposer
        self._searcher = searcher
        self._waits = isinstance(parse_lm_spec(ledger.config.llm), HostedSpec)
        self._overlap = overlap and self._waits
        self._early: Asked | None = None

    def ask(
        self, expansions: Sequence[Expansion], *, iteration: int, given: tuple[str, ...] = ()
    ) -> Asked:
        """Asks for edits of these parents; what a language model has said is never asked again.

        Args:
            expansions: What is wanted.
            iteration: For which iteration.
            given: Prompts that other parents of it have got already.
        """
        return self._send(expansions, self._ledger.tried, iteration, known=given)

    def take(self, asked: Asked, *, complete: bool = True) -> ProposalRecord:
        """The answers, recorded.

        Args:
            asked: What was asked.
            complete: Whether anything steps in for answers that are of no use.

        Raises:
            PamelaError: the language model can't be used, or the record holds something else.
        """
        ledger, record = self._ledger, self._answered(asked, complete=complete)
        ledger.store.record(record)
        if record.parents != asked.parents or len(record.answers) != len(asked.parents):
            raise RunError(
                f"the proposals of iteration {record.iteration} are for {record.parents!r}, but "
                f"the search asks for {asked.parents!r}: start a new run"
            )
        for event in (event for answer in record.answers for event in answer.events):
            ledger.event(event.type, event.iteration, event.message)
        ledger.asked.append(record)
        return record

    def ask_first(self) -> None:
        """Asks for edits of the user's own prompt, whose pictures are still to be drawn.

        A model that is to see one of them has to wait for it.
        """
        ledger = self._ledger
        if ledger.config.vision:
            return
        own = Candidate(id=INITIAL_ID, iteration=0, prompt=ledger.prompt, status="scored", score=0)
        unknown = own.model_copy(update={"score": None})
        self._ask_ahead([own], {INITIAL_ID: unknown}, coming=(), pictures=ledger.config.seeds)

    def ask_ahead(self, drafts: Sequence[Draft]) -> None:
        """Asks for edits of the best so far, before the last drafts of the iteration are drawn."""
        tried = self._ledger.tried
        known = [c for c in tried.values() if c.iteration == drafts[0].iteration]
        pictures = len(drafts) * self._ledger.config.seeds
        coming = tuple(draft.prompt for draft in drafts)
        self._ask_ahead(known, tried, coming=coming, pictures=pictures)

    def early(self, expansions: list[Expansion]) -> tuple[ProposalRecord | None, list[Expansion]]:
        """What was asked ahead, if it is of use, and the expansions that are left to ask for."""
        asked, self._early = self._early, None
        if asked is None:
            return None, expansions
        record = self.take(asked)
        counts = {expansion.parent: expansion.count for expansion in expansions}
        (parent,), (answer,) = record.parents, record.answers
        if parent not in counts:
            return None, expansions
        wanted = answer.model_copy(update={"edits": answer.edits[: counts[parent]]})
        rest = [expansion for expansion in expansions if expansion.parent != parent]
        return record.model_copy(update={"answers": (wanted,)}), rest

    def close(self) -> None:
        """Takes what is still out when a limit has ended the search: it was paid for."""
        asked, self._early = self._early, None
        if asked is not None:
            with suppress(PamelaError):  # nothing depends on it any more
                self.take(asked, complete=False)

    def _ask_ahead(
        self,
        known: Sequence[Candidate],
        tried: Mapping[str, Candidate],
        *,
        coming: tuple[str, ...],
        pictures: int,
    ) -> None:
        """Asks for edits of whatever the searcher would expand first, if that is worth it."""
        if not self._waits:
            return
        preview = copy.deepcopy(self._searcher)
        preview.tell(list(known))
        if preview.done:
            return
        iteration = preview.step().iteration + 1
        scored = len(self._searcher.step().beam)
        scored += sum(candidate.score is not None for candidate in known)
        chance = chance_to_stay(scored, len(coming), self._ledger.config.beam_width)
        if self._may_ask_ahead(iteration, pictures, chance):
            best = preview.ask()[:1]
            self._early = self._send(best, tried, iteration, known=coming, ahead=True)

    def _may_ask_ahead(self, iteration: int, pictures: int, chance: float) -> bool:
        """What a resumed run has recorded of it holds, whatever the limits say by now."""
        records = self._ledger.store.records
        if (iteration, True) in records.proposals:
            return True
        if records.began(iteration) or chance < WORTH_ASKING:
            return False
        return self._ledger.limit_before_iteration(iteration, coming=pictures) is None

    def _send(
        self,
        expansions: Sequence[Expansion],
        tried: Mapping[str, Candidate],
        iteration: int,
        *,
        known: tuple[str, ...],
        ahead: bool = False,
    ) -> Asked:
        ledger = self._ledger
        parents = tuple(expansion.parent for expansion in expansions)
        recorded = ledger.store.records.proposals.get((iteration, ahead))
        if recorded is not None:
            return Asked(parents, recorded)
        wanted = self._asker.requests(expansions, tried, iteration=iteration)
        requests = [knowing(request, known) for request in wanted]
        if not self._overlap:
            ledger.observer.phase("propose", iteration=iteration, total=0)
        ledger.limit_waiting()
        started = time.perf_counter()
        answers = Begun(partial(self._call, requests), here=not self._overlap)
        blank = ProposalRecord(
            iteration=iteration,
            ahead=ahead,
            parents=parents,
            answers=(),
            seconds=time.perf_counter() - started,
        )
        return Asked(parents, blank, tuple(requests), answers)

    def _call(self, requests: list[ProposalRequest]) -> list[Proposals]:
        proposer = self._proposer
        with self._ledger.clock.stage("propose"):
            if isinstance(proposer, Completes):
                return proposer.ask(requests)
            return proposer.propose(requests)

    def _answered(self, asked: Asked, *, complete: bool) -> ProposalRecord:
        """The record with the answers in it; waits for them."""
        blank, begun = asked.record, asked.answers
        if begun is None:
            return blank
        started = time.perf_counter()
        if not begun.is_over():
            self._ledger.observer.phase("propose", iteration=blank.iteration, total=0)
        answers = begun.result()
        if complete and isinstance(self._proposer, Completes):
            with self._ledger.clock.stage("propose"):
                answers = self._proposer.complete(list(asked.requests), answers)
        answers = self._untold(answers)
        self._check_answered(answers)
        seconds = round(blank.seconds + time.perf_counter() - started, 6)
        return blank.model_copy(update={"answers": tuple(answers), "seconds": seconds})

    def _untold(self, answers: Sequence[Proposals]) -> list[Proposals]:
        """The answers without warnings that an earlier one held: a resumed run knows them."""
        earlier = (answer for record in self._ledger.asked for answer in record.answers)
        told = {e.message for answer in earlier for e in answer.events if e.type == "warning"}
        return [
            answer.model_copy(
                update={
                    "events": tuple(
                        e for e in answer.events if e.type != "warning" or e.message not in told
                    )
                }
            )
            for answer in answers
        ]

    def _check_answered(self, answers: Sequence[Proposals]) -> None:
        """Without a single edit tried, a model that can't be reached is a run that failed.

        Its silence is not recorded, so that a resumed run asks again. One that the run had no time
        left to wait for is no failure.
        """
        ledger = self._ledger
        left = ledger.clock.left()
        if left is not None and left <= 0:
            return
        if len(ledger.tried) > 1 or any(answer.answered or answer.edits for answer in answers):
            return
        for event in (event for answer in answers for event in answer.events):
            ledger.event(event.type, event.iteration, event.message)
        reasons = [event.message for answer in answers for event in answer.events]
        raise RunError(
            f"the language model {ledger.config.llm!r} gave no answer"
            f"{f' ({reasons[-1]})' if reasons else ''}: check that it can be reached, "
            f"and that its limits are not used up"
        )
