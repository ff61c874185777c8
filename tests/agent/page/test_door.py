"""Who may come in, and what nobody may make the page do."""

from pathlib import Path

import httpx
import pytest

from agent.look.page.door import CHANGES, COOKIE, Door
from tests.agent.page.serving import Served, serving, settings_for

ANSWER = {"who": "a", "what": "b", "answer": "undo"}


@pytest.mark.parametrize(
    ("host", "header", "known"),
    [
        ("127.0.0.1", "127.0.0.1:8742", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "[::1]:9", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "192.168.0.7", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[", False),
        ("0.0.0.0", "192.168.0.7:80", True),
        ("0.0.0.0", "evil.example", False),
        ("box.local", "box.local:80", True),
    ],
)
def test_a_host_is_known_by_its_name(host: str, header: str, known: bool):
    assert Door(host).knows(header) is known


def test_only_loopback_needs_no_token():
    assert [Door(host).token is None for host in ("127.0.0.1", "::1", "localhost")] == [True] * 3
    assert Door("0.0.0.0").token != Door("0.0.0.0").token


def test_every_answer_forbids_what_is_not_ours(served: Served):
    for path in ("/", "/static/page.css", "/nothing", "/runs/x/events"):
        headers = served.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_style_of_its_own(served: Served, run: Path):
    for path in ("/", f"/runs/{run.name}", f"/runs/{run.name}/candidate?id=c0001", "/rate"):
        page = served.get(path).text
        assert " style=" not in page, path
        assert " onclick=" not in page, path
        assert "<script>" not in page, path


def test_a_name_that_is_not_ours_is_refused(served: Served):
    assert served.get("/", host="evil.example").status_code == 421


def test_another_site_can_neither_read_nor_change(served: Served):
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert served.get("/", **cross).status_code == 403
    assert served.get("/", **{**cross, "sec-fetch-mode": "navigate"}).status_code == 200
    assert served.post("/rate/answer", ANSWER).status_code == 403
    assert served.post("/rate/answer", ANSWER, **{CHANGES: "guessed"}).status_code == 403
    ours = {CHANGES: served.site.door.changes}
    assert served.post("/rate/answer", ANSWER, **ours).status_code == 400  # let in: nobody is known
    other = {**ours, "origin": "http://evil.example"}
    assert served.post("/rate/answer", ANSWER, **other).status_code == 403


def test_the_token_becomes_a_cookie_and_leaves_the_address(run: Path):
    with serving(settings_for(run.parent), host="0.0.0.0") as server:
        token = server.site.door.token
        assert token is not None
        for path in ("/", "/?token=wrong", "/static/page.css", f"/runs/{run.name}/best"):
            assert server.get(path).status_code == 401, path
        assert server.get("/", cookie=f"{COOKIE}=wrong").status_code == 401
        let_in = server.get(f"/?token={token}&q=rocks")
        assert (let_in.status_code, let_in.headers["location"]) == (303, "/?q=rocks")
        cookie = let_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert server.get("/", cookie=cookie.split(";")[0]).status_code == 200
        away = server.get(f"//evil.example/?token={token}")
        assert away.headers["location"] == "/evil.example/"


@pytest.mark.parametrize(
    "path",
    [
        "../run.json",
        "run.json",
        "/etc/passwd",
        "images/../../secret.png",
        "images/out.png",
        "images/loop.png",
        "images",
        "",
        "images/\x00.png",
    ],
)
def test_no_file_outside_the_run_is_given_out(served: Served, run: Path, path: str):
    secret = run.parent / "secret.png"
    secret.write_bytes(next((run / "images").iterdir()).read_bytes())
    (run / "images" / "out.png").symlink_to(secret)
    (run / "images" / "loop.png").symlink_to("loop.png")
    for side in ("", "&side=160"):
        query = httpx.QueryParams({"path": path})
        answer = served.get(f"/runs/{run.name}/picture?{query}{side}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["..%2f..", "%2e%2e", ".hidden", "nothing", "%00", "a%2fb"])
def test_no_folder_but_a_run_is_one(served: Served, name: str):
    assert served.get(f"/runs/{name}").status_code == 404
