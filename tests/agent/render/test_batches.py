from agent.render.base import RenderRequest
from agent.render.batches import batches


def seeds(requests: list[RenderRequest], size: int) -> list[list[int]]:
    return [[request.seed for request in batch] for batch in batches(requests, size)]


def test_consecutive_requests_fill_batches():
    assert seeds([RenderRequest("a", n) for n in range(5)], 2) == [[0, 1], [2, 3], [4]]


def test_pictures_of_different_size_do_not_share_a_batch():
    requests = [RenderRequest("a", 0), RenderRequest("a", 1, 64, 64), RenderRequest("a", 2, 64, 64)]

    assert seeds([*requests, RenderRequest("a", 3)], 8) == [[0], [1, 2], [3]]


def test_no_requests_are_no_batches():
    assert batches([], 4) == []
