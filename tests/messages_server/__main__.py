"""``python -m tests.messages_server``: run until interrupted, print the base URL first."""

from __future__ import annotations

import argparse
import contextlib
import threading

from .server import MessagesServer


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="messages_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--delay", type=float, default=0.02, help="seconds between two deltas")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds before an answer")
    chosen = parser.parse_args()
    server = MessagesServer(port=chosen.port, delta_delay=chosen.delay, latency=chosen.latency)
    with server, contextlib.suppress(KeyboardInterrupt):
        print(server.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
