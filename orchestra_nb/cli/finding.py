"""Which run, which decision, which option somebody means."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OrchestraError
from .base import refuse, tried

if TYPE_CHECKING:
    from ..record import Record
    from ..state import DecisionState, State

__all__ = ["DecisionName", "RunName", "Who", "dead_runs", "decision_of", "folder_of", "live_runs",
           "open_record", "option_of", "record_of", "who_is"]  # fmt: skip

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, its beginning, or `latest`.")
]
DecisionName = Annotated[
    str, typer.Argument(metavar="DECISION", help="The whole id of a decision, or its whole title.")
]
Who = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who says it; your login name if absent.")
]
LATEST = "latest"
_MOST_NAMED = 8


def who_is(name: str | None) -> str:
    """The name that the log will hold."""
    from ..record import login_name

    if name is not None and not name.strip():
        refuse("--as needs a name, such as --as maria")
    return (name or "").strip() or login_name()


def record_of(name: str, home: Path | None, **how: Any) -> Record:
    """The run that is meant; what it can't be ends the command.

    Args:
        name: Its id, the beginning of it, ``latest``: the one that was started last, or the file
            of an archive.
        home: Where runs are kept.
        how: For :class:`Record`.
    """
    from ..housekeeping.archive import is_archive

    if is_archive(Path(name)):
        from ..housekeeping.archived import ArchivedRecord

        archived: Record = tried(lambda: ArchivedRecord(Path(name), source="cli", **how))
        return archived
    return open_record(folder_of(name, home), **how)


def open_record(path: Path, **how: Any) -> Record:
    """The run in a folder."""
    from ..record import Record
    from ..store.folder import RunFolder

    record: Record = tried(lambda: Record(RunFolder.open(path), source="cli", **how))
    return record


def folder_of(name: str, home: Path | None) -> Path:
    """The folder of the run that is meant; what it can't be ends the command."""
    from ..store.home import home as home_of
    from ..store.home import list_runs

    runs = list_runs(home)
    if not runs:
        refuse(f"There are no runs in {home_of(home)}. Another place is named with --home DIR.")
    if name.lower() == LATEST:
        return runs[-1]
    found = [folder for folder in runs if name and folder.name.startswith(name)]
    exact = [folder for folder in found if folder.name == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        refuse(f"{name!r} could be any of:{_named(found)}\nGive more of the id.")
    refuse(f"There is no run {name!r} in {home_of(home)}. The newest there:{_named(runs[::-1])}")


def _named(folders: list[Path]) -> str:
    more = f"\n  … and {len(folders) - _MOST_NAMED} more" if len(folders) > _MOST_NAMED else ""
    return "".join(f"\n  {folder.name}" for folder in folders[:_MOST_NAMED]) + more


def live_runs(home: Path | None) -> list[Path]:
    """The runs that some process runs now, the newest first."""
    from ..store.folder import RunFolder
    from ..store.home import list_runs

    found = []
    for folder in reversed(list_runs(home)):
        try:
            if RunFolder(folder).owner is not None:
                found.append(folder)
        except (OrchestraError, OSError):  # somebody else's, or damaged: not one to be steered
            continue
    return found


def dead_runs(home: Path | None, live: list[Path]) -> int:
    """How many runs had something open when their process ended before they did."""
    from ..record import Record
    from ..store.folder import RunFolder
    from ..store.home import list_runs

    found = 0
    for path in list_runs(home):
        folder = RunFolder(path)
        if path in live or _ended(folder.log):
            continue
        with contextlib.suppress(OrchestraError, OSError):
            found += bool(Record(folder, source="cli").state.open_decisions())
    return found


def _ended(log: Path) -> bool:
    """Whether a log ends as a run does, or can't be read."""
    from ..store.ends import read_ends

    try:
        end = read_ends(log).end
    except OrchestraError:
        return True
    return end is not None and end["event"] == "orchestration_complete"


def decision_of(state: State, name: str) -> DecisionState:
    """The decision that is meant, open or not; what it can't be ends the command.

    An answer can't be taken back, so nothing is guessed: it is the whole id or the whole title,
    whatever the case, and a title only where no other decision of the run has the same.
    """
    from ..views.words import cut, plain

    every = list(state.decisions.values())
    wanted = name.strip().casefold()
    for found in (
        [one for one in every if one.id == name],
        [one for one in every if one.id.casefold() == wanted],
        [one for one in every if one.title.strip().casefold() == wanted],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            refuse(f"{name!r} could be any of:{_listed(found)}")
    waiting = state.open_decisions()
    hint = _meant(wanted, waiting) or _meant(wanted, every)
    guess = f"; did you mean {plain(hint)}?" if hint else "."
    still = f"Open are:{_listed(waiting)}" if waiting else "None is open."
    refuse(f"There is no decision {cut(repr(name), 120)} in {state.id}{guess} {still}")


def _meant(wanted: str, among: list[DecisionState]) -> str:
    """The id or title that somebody may have had in mind, as it is typed; empty if none is near."""
    import difflib
    import shlex

    names = {one.title.casefold(): one.title for one in among}
    names |= {one.id.casefold(): one.id for one in among}
    begins = [known for known in names if wanted and known.startswith(wanted)]
    near = difflib.get_close_matches(wanted[:200], list(names), n=1, cutoff=0.6)
    found = begins[-1:] or near
    return shlex.quote(names[found[0]]) if found else ""


def _listed(decisions: list[DecisionState]) -> str:
    from ..views.words import cut, plain

    state = ("", " (open)") if any(not one.open for one in decisions) else ("", "")
    return "".join(
        f"\n  {plain(one.id)}  {cut(one.title, 80)}{state[one.open]}" for one in decisions[:20]
    )


def option_of(decision: DecisionState, name: str, text: str | None) -> str:
    """The key of the option that is meant; ``other`` for free text."""
    from ..views.words import OTHER, cut, plain

    wanted = name.strip().casefold()
    for option in decision.options:
        if option["key"].casefold() == wanted:
            return option["key"]
    if wanted == OTHER and decision.other:
        if not (text or "").strip():
            refuse('An answer of your own needs words: --text "…"')
        return OTHER
    found = [o for o in decision.options if o["text"].casefold() == wanted]
    if len(found) == 1:
        return found[0]["key"]
    listed = "".join(
        f"\n  {plain(o['key'])}  {cut(o['text'], 80)}" for o in (found or decision.options)
    )
    if decision.other and not found:
        listed += f"\n  {OTHER}  in your own words, with --text"
    said = "could be any of:" if found else "is no option of this decision; there are:"
    refuse(f"{name!r} {said}{listed}")
