"""Processes that train together."""

import subprocess
import sys
from pathlib import Path

import torch

from miniature.training import gathered, share_of

TOGETHER = """
import sys
import torch
from miniature.scenes.store import prepare
from miniature.training import gathered, share_of, worker
from pathlib import Path

prepare(Path(sys.argv[2]), {"seed": 1})
own = share_of(7)
print(f"process {worker()[0]} does {list(own)}", flush=True)
torch.save(gathered(torch.tensor(own) ** 2), f"{sys.argv[1]}-{worker()[0]}.pt")
"""


def test_processes_share_what_they_look_at_and_each_has_all_of_it(tmp_path: Path):
    (tmp_path / "together.py").write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += [str(tmp_path / name) for name in ("together.py", "rows", "scenes")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert "process 0 does [0, 1, 2]" in ran.stdout
    assert "process 1 does [3, 4, 5, 6]" in ran.stdout
    for process in (0, 1):
        rows = torch.load(tmp_path / f"rows-{process}.pt", weights_only=True)
        assert rows.tolist() == [0, 1, 4, 9, 16, 25, 36]


def test_a_single_process_does_everything():
    assert list(share_of(5)) == [0, 1, 2, 3, 4]
    assert torch.equal(gathered(torch.arange(5)), torch.arange(5))
