"""Which decision and which option people mean when they name one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..commands import Answer
from ..errors import CommandError
from ..plan import Decision
from ..plan.text import did_you_mean, fold, named, short
from ..state import DecisionState
from .cards import OTHER

__all__ = ["chosen", "decision_meant", "nowhere_open", "successor"]


def decision_meant(name: str, open_ones: Mapping[str, str], known: Iterable[str]) -> str:
    """The id that is meant: an id or an open decision's title, in capitals or not.

    Nothing is guessed from a part of it: what is answered can't be taken back.

    Args:
        name: What a person wrote.
        open_ones: Id -> title of what is open.
        known: Other ids: decided, or still to come.

    Returns:
        The id; the name itself where nothing is called that.

    Raises:
        CommandError: If several open ones have that title.
    """
    wanted = fold(name)
    found = [one for one in open_ones if fold(one) == wanted]
    if not found:
        found = [one for one, title in open_ones.items() if fold(title) == wanted]
    if len(found) > 1:
        raise CommandError(f"{short(name)} could be any of: {named(found)}; say which by its id")
    return next(iter(found), None) or next((one for one in known if fold(one) == wanted), name)


def nowhere_open(name: str, open_ones: Mapping[str, str]) -> CommandError:
    """What somebody hears who names what is not open."""
    said = f"There is no open decision {short(name)}"
    if not open_ones:
        return CommandError(f"{said}; none is open")
    guess = did_you_mean(name, open_ones) or did_you_mean(name, open_ones.values())
    listed = f"pen: {named(open_ones)}"
    return CommandError(f"{said}{guess} O{listed}" if guess else f"{said}; o{listed}")


def chosen(command: Answer, spec: Decision) -> tuple[str, str]:
    """Key and text of what is chosen: by key or whole text, or in one's own words.

    Raises:
        CommandError: If there is no such option, or the words are missing.
    """
    wanted, text = fold(command.option), (command.text or "").strip()
    if not wanted and len(spec.options) == 1 and not spec.other:
        return spec.options[0].key, spec.options[0].text
    found = [o for o in spec.options if fold(o.key) == wanted]
    found = found or [o for o in spec.options if wanted and fold(o.text) == wanted]
    if len(found) == 1:
        return found[0].key, found[0].text
    if wanted == OTHER and spec.other:
        if text:
            return OTHER, text
        raise CommandError(f"'{OTHER}' of {command.decision!r} needs your words: text=...")
    has = ", ".join([o.key for o in spec.options] + ([OTHER] if spec.other else []))
    has += " (with text=...)" if spec.other else ""
    if not wanted:
        raise CommandError(f"{command.decision!r} needs an option; it has {has}")
    raise CommandError(f"{command.decision!r} has no option {short(command.option)}; it has {has}")


def successor(decided: DecisionState, every: Iterable[DecisionState]) -> str:
    """Which open card asks the same again after one that is decided; empty if none does."""

    def asks(one: DecisionState) -> tuple[object, ...]:
        sums = one.purpose in ("spend", "budget")  # their titles say what it comes to by now
        return one.purpose, one.about, one.asker, "" if sums else one.title

    same = [one.id for one in every if one.open and asks(one) == asks(decided)]
    return f" Open now: {same[-1]}" if same else ""
