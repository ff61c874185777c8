import os
from pathlib import Path

import pytest

from scorer.files import contents, written


def test_a_file_appears_whole(tmp_path: Path):
    path = tmp_path / "a.txt"
    with written(path) as stream:
        stream.write(b"half")
        assert not path.exists()
        stream.write(b" and half")

    assert path.read_bytes() == b"half and half"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def spoil(path: Path, *, sync: bool) -> None:
    with written(path, sync=sync) as stream:
        stream.write(b"never")
        raise RuntimeError


@pytest.mark.parametrize("sync", [False, True])
def test_an_error_leaves_what_was_there(tmp_path: Path, *, sync: bool):
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError):
        spoil(path, sync=sync)

    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_it_may_lie_elsewhere_until_it_is_done(tmp_path: Path):
    bench = tmp_path / "bench"
    bench.mkdir()
    with written(tmp_path / "a.txt", bench=bench) as stream:
        stream.write(b"x")
        assert len(list(bench.iterdir())) == 1

    assert list(bench.iterdir()) == []
    assert (tmp_path / "a.txt").read_bytes() == b"x"


def test_a_folder_that_is_missing_is_said(tmp_path: Path):
    with pytest.raises(OSError, match="No such file"), written(tmp_path / "none" / "a.txt"):
        pass


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match="no regular file"):
            contents(path)


def test_of_a_large_file_one_byte_too_much_is_read(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"12345")

    assert contents(tmp_path / "a.txt", at_most=3) == b"1234"
    assert contents(tmp_path / "a.txt", at_most=5) == b"12345"
