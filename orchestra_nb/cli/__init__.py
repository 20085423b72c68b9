"""The command line.

====================================  ==========================================================
``demo [PACKAGE]``                    a run to look at: the source of a package is reviewed
``run PLAN``                          runs a plan and shows it until it is over
``resume RUN [--dry-run]``            goes on with one that broke off, was stopped, or failed
``fork RUN [--decide NAME=OPTION]``   another run from it, with other choices or texts
``check PLAN``, ``levels``            what would run; what the project levels ask for
``check RUN [--repair]``              whether a run's folder is whole
``runs``                              the runs of this home
``prune``                             removes old runs
``export RUN [FILE]``                 a run as one file
``decisions``                         what waits for an answer, in all runs of this home
``decide RUN DECISION OPTION``        answers one, whichever process runs the run
``extend RUN DECISION [DURATION]``    gives it more time
``hold RUN DECISION [--off]``         stops its clock until somebody answers
``watch [RUN]``                       a run live, also of another process; answers by keys
``timeline RUN [--follow]``           what happened, event by event, and how far it is
====================================  ==========================================================

RUN is the id of a run, its beginning, ``latest``, or, where a run is only read, the file of one
that was exported.

Exit codes: 0 done, or the run completed; 1 tasks failed, a run's folder is not whole, or the answer
came too late (the message names who decided and when); 2 the input was not valid (the message names
what there is); 3 nobody runs the run any more, or it did not reply; 130 stopped with Ctrl-C; 143
ended by the system, as the run's log says.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from .base import COMPLETED, app
from .checking import check
from .deciding import decide, decisions, extend, hold
from .forking import fork
from .keeping import export, prune, runs
from .plans import levels
from .resuming import resume
from .starting import demo, run
from .watching import timeline, watch

__all__ = ["app", "main"]

for command in (
    *(demo, run, resume, fork, check, levels),
    *(decisions, decide, extend, hold),
    *(watch, timeline),
    *(runs, export, prune),
):
    app.command()(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows a question mark, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(list(arguments) if arguments is not None else None)
    raise SystemExit(COMPLETED)
