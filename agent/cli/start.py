"""Where the command begins: an interrupt ends it in one line even while it is still loading."""

import sys


def main() -> int:
    """Loads the command line and runs it; returns the exit code."""
    try:
        from agent.cli.main import main as run
    except KeyboardInterrupt:
        sys.stderr.write("pamela-agent: interrupted\n")
        if "--json" in sys.argv:
            sys.stdout.write('{"error": {"message": "interrupted"}}\n')
        return 130
    return run()
