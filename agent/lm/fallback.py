"""Lets another proposer step in wherever the first one gave nothing that can be tried.

    proposer = FallbackProposer(make_proposer("openai/gpt-4o-mini"), make_proposer("catalogue"))
    answers = proposer.propose(requests)

What stepped in stands in the answer as a `fallback` event, after the events that say why; when
the run's time is up nothing steps in any more. The one rule that is not obvious: only the first
proposer's calls, tokens and cost are counted, so that the usage of a run is still that of its
language model.
"""

from collections.abc import Callable, Mapping

from agent.proposer import ProposalRequest, Proposals, Proposer, knowing
from agent.trajectory import Event


class FallbackProposer:
    """A `Proposer` of two.

    Args:
        first: Is asked for everything; its errors that end the run still do.
        second: Is asked where an answer of the first holds no edits.
        name: Of the second, for the events.
        time_left: Seconds that are left of the run, or None: no limit.
    """

    def __init__(
        self,
        first: Proposer,
        second: Proposer,
        *,
        name: str = "catalogue",
        time_left: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._first = first
        self._second = second
        self._name = name
        self._time_left = time_left

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        """Edits for each request; no prompt is proposed twice in one answer list."""
        return self.complete(requests, self.ask(requests))

    def ask(self, requests: list[ProposalRequest]) -> list[Proposals]:
        """What the first has to say."""
        return self._first.propose(requests)

    def complete(
        self, requests: list[ProposalRequest], answers: list[Proposals]
    ) -> list[Proposals]:
        """The same, and what the second says where that holds no edits."""
        given = tuple(edit.prompt for answer in answers for edit in answer.edits)
        proposed: list[Proposals] = []
        left = self._time_left()
        late = left is not None and left <= 0
        for request, answer in zip(requests, answers, strict=True):
            if not answer.edits and not late:
                answer = self._stepped_in(knowing(request, given), answer)
                given += tuple(edit.prompt for edit in answer.edits)
            proposed.append(answer)
        return proposed

    def describe(self) -> Mapping[str, str]:
        """The first; that there is a second stands in the run's settings."""
        return self._first.describe()

    def _stepped_in(self, request: ProposalRequest, answer: Proposals) -> Proposals:
        (other,) = self._second.propose([request])
        parent = request.candidate_id
        message = f"the {self._name} proposes edits of {parent} instead"
        if not other.edits:
            message = f"the {self._name} has no new edits of {parent} either"
        event = Event(type="fallback", iteration=request.iteration, message=message)
        return answer.model_copy(
            update={
                "edits": other.edits,
                "events": (*answer.events, event),
                "seconds": answer.seconds + other.seconds,
            }
        )
