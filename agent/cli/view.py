"""`pamela-agent view`: the local page, in a browser."""

import argparse
import socket
import sys
from pathlib import Path
from threading import Thread

from agent.cli.parsers import Subparsers, add_command, add_device, add_runs_dir, named_path
from agent.errors import InputError, PrerequisiteError
from agent.text import printable

EXAMPLES = """\
examples:
  pamela-agent view
  pamela-agent view --users examples --pictures photographs
  pamela-agent view --host 0.0.0.0 --port 9000       # prints a token, which everybody needs

Runs are looked into, candidates compared, and pictures rated with the keys 1 to 5. Only this
machine can reach it unless --host says otherwise. Ctrl-C ends it.
"""
INSTALL = "pip install 'pamela-agent[view]'"
HOST, PORT = "127.0.0.1", 8742
HIGHEST_PORT = 65_535


def port_of(text: str) -> int:
    """A port; 0 takes one that is free."""
    if not text.isdecimal() or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number up to {HIGHEST_PORT}")
    return int(text)


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "view", "look into runs and rate pictures in a browser", EXAMPLES
    )
    parser.add_argument(
        "--port", type=port_of, default=PORT, help=f"default: {PORT}; 0 takes a free one"
    )
    parser.add_argument(
        "--host",
        default=HOST,
        metavar="ADDRESS",
        help="what to listen on (default: this machine alone); any other asks for a token",
    )
    add_runs_dir(parser)
    parser.add_argument(
        "--users",
        type=named_path,
        metavar="FOLDER",
        help="who may rate, and whose scores are shown: a folder with profiles, or one profile",
    )
    parser.add_argument(
        "--pictures",
        type=named_path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="pictures that may be rated besides those of the runs; may be repeated",
    )
    parser.add_argument(
        "--scorer",
        default="pamela",
        metavar="SPEC",
        help="what predicts and learns: pamela[:<path or id>] (default: pamela)",
    )
    add_device(parser)


def execute(args: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    try:
        import uvicorn

        from agent.look.page.app import make_app
    except ImportError:
        raise PrerequisiteError(f"view needs fastapi and uvicorn: {INSTALL}") from None
    from agent.look.page.door import Door
    from agent.look.page.site import Settings, Site

    _check(args)
    settings = Settings(
        runs_dir=args.runs_dir,
        users=args.users,
        folders=tuple(args.pictures),
        scorer=args.scorer,
        device=args.device,
    )
    site = Site(settings, Door(args.host))
    listening = _listen(args.host, args.port)
    config = uvicorn.Config(
        make_app(site),
        log_level="warning",
        access_log=False,  # it would hold the token
        server_header=False,
        timeout_graceful_shutdown=1,  # pages that go on never end by themselves
    )
    _announce(args.host, listening.getsockname()[1], site.door.token)
    Thread(target=site.warm_up, daemon=True).start()
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises it again once it has ended
        pass
    finally:
        listening.close()
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.runs_dir.exists() and not args.runs_dir.is_dir():
        raise InputError(f"--runs-dir {str(args.runs_dir)!r} is no folder: name one")
    for folder in args.pictures:
        if not folder.is_dir():
            raise InputError(f"--pictures {str(folder)!r} is no folder: name one that exists")
    if args.users is not None and not Path(args.users).exists():
        raise InputError(f"--users {str(args.users)!r} does not exist: name a folder with profiles")
    if args.users is not None:
        from agent.clock import Clock
        from agent.lists import usable_people

        for problem in usable_people(args.users, Clock()).problems:
            print(printable(f"left out: {problem}"), file=sys.stderr, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    """The socket, so that the port is known before anything is said.

    Raises:
        InputError: the address is none, or the port is taken.
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(kind, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no address"
        raise InputError(
            f"{host!r} can't be listened on at port {port} ({reason}): name another "
            f"--port or --host"
        ) from error
    return listening


def _announce(host: str, port: int, token: str | None) -> None:
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{name}]" if ":" in name else name
    ticket = f"/?token={token}" if token is not None else "/"
    print(printable(f"http://{name}:{port}{ticket}"), flush=True)
    print("Ctrl-C ends it", file=sys.stderr, flush=True)
