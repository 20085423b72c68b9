"""What a run's log must say, read from the plan's own words: it knows nothing of the engine.

It has neither the compiled graph nor the fold. It goes through the log line by line and looks up in
the plan what each entry waits for, whether its conditions hold, and what its agent does.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, TypeAlias

from orchestra_nb.events import Event
from orchestra_nb.plan import Plan

from .dags import FAILS, SHAKY

__all__ = ["Oracle"]

Settled: TypeAlias = Literal["completed", "failed", "skipped", "cancelled"]
ROLES = {"testing": 2, "documentation": 2, "security": 4, "compliance": 4}


class Oracle:
    """Follows the log of a run of a plan, and fails at the first line that breaks a rule.

    Args:
        plan: The plan.
        by_hand: Ids that somebody left out by hand.

    Attributes:
        ends: Id -> how it is over, and the cause if it was skipped.
        level: The level now.
        stopped: Whether the run was stopped.
    """

    def __init__(self, plan: Plan, by_hand: set[str]):
        self.ends: dict[str, tuple[Settled, str]] = {}
        self.level = plan.level
        self.stopped = False
        self._plan = plan.to_dict()
        self._by_hand = by_hand
        self._chosen: dict[str, str] = {}
        self._opened: dict[str, Event] = {}
        self._tries: Counter[str] = Counter()
        self._again: Counter[str] = Counter()
        self._at_work: set[str] = set()
        self._phases = [[_id(e) for e in phase["tasks"]] for phase in self._plan["phases"]]
        self._entries: dict[str, dict[str, Any]] = {}
        self._phase_of: dict[str, int] = {}
        self._checkpoints: dict[int, str] = {}
        for number, phase in enumerate(self._plan["phases"]):
            for entry in phase["tasks"]:
                self._entries[_id(entry)] = entry
                self._phase_of[_id(entry)] = number
            last = number == len(self._plan["phases"]) - 1
            each = self._plan.get("checkpoints") == "each" and not last
            if self._plan.get("mode") != "fully_autonomous" and (phase.get("checkpoint") or each):
                self._checkpoints[number] = f"checkpoint-{number + 1}"

    @property
    def ids(self) -> set[str]:
        """Everything that has to come to an end."""
        return {*self._entries, *self._checkpoints.values()}

    # What the plan says.

    def _groups(self, name: str) -> list[list[str]]:
        """The phases of which an entry waits for all, as their entries' ids."""
        if name not in self._entries:  # a checkpoint
            (number,) = (n for n, found in self._checkpoints.items() if found == name)
            return [self._phases[number]]
        listed = self._entries[name].get("depends_on")
        if listed is None:
            number = self._phase_of[name]
            return [self._phases[number - 1]] if number else []
        return [self._phases[int(one.split()[1]) - 1] for one in listed if one.startswith("Phase ")]

    def _needs(self, name: str) -> list[str]:
        """The entries whose results it needs."""
        entry = self._entries.get(name, {})
        listed = entry.get("depends_on") or []
        return [one for one in listed if one in self._entries and one not in self._when(name)]

    def _when(self, name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self._entries.get(name, {}).get("when", {})
        return found

    def _barriers(self, name: str) -> list[str]:
        """Checkpoints hold back all of a later phase but what waits for nothing."""
        if name not in self._entries or self._entries[name].get("depends_on") == []:
            return []
        mine = self._phase_of[name]
        return [found for number, found in self._checkpoints.items() if number < mine]

    def waits_for(self, name: str) -> set[str]:
        """Everything an entry waits for, as far as it stands there in words."""
        members = (one for group in self._groups(name) for one in group)
        return {*members, *self._needs(name), *self._when(name), *self._barriers(name)}

    def _left_out(self, name: str) -> bool:
        entry = self._entries.get(name, {})
        least = entry.get("min_level") or ROLES.get(entry.get("role", ""), 1)
        return bool(self.level < least)

    def _over(self, name: str) -> bool:
        """Whether something is settled; what was left out passes on what it waits for."""
        if name not in self.ends:
            return False
        return self.ends[name][0] != "skipped" or self._may_begin(name)

    def _may_begin(self, name: str) -> bool:
        return all(self._over(one) for one in self.waits_for(name))

    def _verdict(self, name: str) -> str:
        """Why something whose waits are over is skipped; empty if it is done."""
        needs = [self.ends[one] for one in self._needs(name)]
        groups = [[self.ends[one] for one in group] for group in self._groups(name)]
        if any(_fell(end) for end in needs):
            return "failed"
        if any(self._chosen.get(one) not in keys for one, keys in self._when(name).items()):
            return "when"
        unwanted = ("skipped", "when")
        rest = [end for group in groups for end in group]
        if needs and all(end == unwanted for end in [*needs, *rest]):
            return "when"
        for group in groups:
            if any(_fell(end) for end in group) and ("completed", "") not in group:
                return "failed"
            if name not in self._entries and all(end[0] == "skipped" for end in group):
                return "level" if all(end == ("skipped", "level") for end in group) else "when"
        return ""

    # What the log says.

    def hear(self, line: Event) -> None:
        """The next line of the log."""
        name = line.get("decision_id") or line.get("task") or ""
        match line["event"]:
            case "agent_start":
                self._begins(name)
                self._tries[name] += 1
                assert line["attempt"] == self._tries[name]
                self._at_work.add(name)
                assert len(self._at_work) <= self._plan.get("max_concurrency", 8)
            case "agent_retry":
                self._at_work.discard(name)
            case "agent_wait":
                (self._at_work.discard if line["cause"] else self._at_work.add)(name)
            case "agent_complete":
                assert self._succeeds(name)
                self._ends(name, "completed")
            case "agent_failed":
                assert not self._succeeds(name)
                entry = self._entries[name]
                if not self.stopped:
                    tries = (entry.get("retries", 0) + 1) * (1 + self._again[name])
                    assert self._tries[name] == tries
                    assert (f"{name}/failed" in self._opened) == self._asks()
                self._ends(name, "failed")
            case "agent_cancelled":
                assert self.stopped
                self._ends(name, "cancelled")
            case "decision_opened" if name in self.ids:
                self._begins(name)
                self._opened[name] = line
            case "decision_opened":
                self._opened[name] = line
            case "decision":
                self._decided(name, line)
            case "agent_skipped" | "decision_withdrawn" if name in self.ids:
                self._skipped(name, line["cause"])
            case "task_revived":
                for one in line["tasks"]:
                    assert self.ends.pop(one) == ("skipped", "level") or self._tries[one] == 0
            case "plan_adjustment":
                self.level = line.get("level", self.level)
            case "run_stopped":
                self.stopped = True
            case "orchestration_complete":
                assert line["status"] == self._status()

    def _begins(self, name: str) -> None:
        assert not self.stopped
        assert name not in self.ends
        if self._tries[name]:  # it goes on, though the level has brought back what it waits for
            return
        assert self._may_begin(name), f"{name} began before {self.waits_for(name)} were over"
        assert not self._left_out(name)
        assert not self._verdict(name)

    def _asks(self) -> bool:
        asks = self._plan.get("on_failure", "ask") == "ask"
        return bool(asks and self._plan.get("mode", "full_interactive") == "full_interactive")

    def _succeeds(self, name: str) -> bool:
        agent = self._entries[name]["agent"]
        return agent != FAILS and (agent != SHAKY or self._tries[name] > 1)

    def _ends(self, name: str, status: Settled, cause: str = "") -> None:
        assert name not in self.ends, f"{name} has two outcomes"
        self.ends[name] = (status, cause)
        self._at_work.discard(name)

    def _decided(self, name: str, line: Event) -> None:
        card = self._opened[name]
        self._chosen[name] = line["option"]
        if line["by"] == "timeout":
            assert line["t"] >= card["t"] + card["timeout_s"]
            assert line["option"] == card["recommend"]
        if name in self.ids:
            self._ends(name, "completed")
        elif line["option"] == "A":
            self._again[name.removesuffix("/failed").rsplit("/failed-", 1)[0]] += 1

    def _skipped(self, name: str, cause: str) -> None:
        if cause == "stop":
            assert self.stopped
            self._ends(name, "cancelled")
            return
        if cause == "hand":
            assert name in self._by_hand
        elif cause == "level" and name in self._entries:
            assert self._left_out(name)
        else:
            assert self._may_begin(name), f"{name} was judged before its time"
            assert self._verdict(name) == cause
        self._ends(name, "skipped", cause)

    def _status(self) -> str:
        if self.stopped:
            return "stopped"
        failed = ("failed", "") in self.ends.values()
        assert not failed or self._plan.get("on_failure") != "stop"
        assert self.ends.keys() == self.ids, "it ended before everything was over"
        return "failed" if any(map(_fell, self.ends.values())) else "completed"


def _id(entry: dict[str, Any]) -> str:
    found: str = entry.get("id") or entry.get("agent") or entry["decision"]
    return found


def _fell(end: tuple[str, str]) -> bool:
    return end[0] in ("failed", "cancelled") or end == ("skipped", "failed")
