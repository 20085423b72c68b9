"""The plan file: fresh, whole, and cheap. The mirror: a copy that can't hurt."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from orchestra_nb.plan import Plan
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.planfile import PlanFile

from .clock import Clock
from .disk import PATIENCE, event


def until(condition: Callable[[], bool]) -> None:
    """Wait for the helper thread."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def same(copy: Path, original: Path) -> bool:
    """Whether a file has what another one has."""
    return copy.exists() and copy.read_bytes() == original.read_bytes()


@pytest.fixture
def clock() -> Clock:
    """A clock of its own."""
    return Clock()


class Kept:
    """A plan file that is driven by hand; ``cost`` is how long its text takes to make."""

    def __init__(self, path: Path, clock: Clock):
        self.clock, self.cost, self.woken, self.made = clock, 0.0, 0, 0
        self.file = PlanFile(path, self.render, wake=self.wake, clock=clock)

    def wake(self) -> None:
        """Count."""
        self.woken += 1

    def render(self) -> str:
        """A text that takes its time."""
        self.made += 1
        self.clock.now += self.cost
        return f"text {self.made} \ud800"

    def due(self) -> float | None:
        """When the file wants to be written."""
        return self.file.due_in(self.clock.now)


@pytest.fixture
def kept(tmp_path: Path, clock: Clock) -> Kept:
    """A plan file in a folder of its own, past its first second."""
    made = Kept(tmp_path / "plan.md", clock)
    clock.now += 1
    return made


def test_a_short_run_writes_once(tmp_path: Path, clock: Clock) -> None:
    """The first second writes nothing, so that a run that is over by then pays for one text."""
    kept = Kept(tmp_path / "plan.md", clock)
    kept.file.changed()
    assert kept.due() == 1


def test_nothing_to_do_without_a_change(kept: Kept) -> None:
    """A file that is up to date is not written, and many changes wake the thread once."""
    assert kept.due() is None
    kept.file.changed()
    kept.file.changed()
    assert kept.woken == 1
    assert kept.due() == 0
    kept.file.run(kept.clock.now)
    assert kept.due() is None
    assert (kept.file._path).read_bytes() == b"text 1 \\ud800"


def test_at_most_once_a_second(kept: Kept) -> None:
    """The next text waits for a second, however often it changes."""
    kept.file.changed()
    kept.file.run(kept.clock.now)
    kept.clock.now += 0.25
    kept.file.changed()
    assert kept.due() == pytest.approx(0.75)


@pytest.mark.parametrize(("cost", "pause"), [(0.001, 1.0), (0.1, 5.0), (0.5, 25.0), (3.0, 60.0)])
def test_at_most_a_fiftieth_of_the_time(kept: Kept, cost: float, pause: float) -> None:
    """A text that takes long is made more rarely, but once a minute in any case."""
    kept.cost = cost
    kept.file.changed()
    begin = kept.clock.now
    kept.file.run(begin)
    kept.file.changed()
    due = kept.due()
    assert due is not None
    assert kept.clock.now + due - begin == pytest.approx(pause)


def test_change_while_it_is_made_is_not_lost(tmp_path: Path, clock: Clock) -> None:
    """What changes while the text is made leads to another text."""

    def render() -> str:
        file.changed()
        return "old"

    file = PlanFile(tmp_path / "plan.md", render, wake=lambda: None, clock=clock)
    file.changed()
    file.run(clock.now)
    assert file.due_in(clock.now) == 1.0


def test_moving_state_only_delays_the_file(tmp_path: Path, clock: Clock) -> None:
    """A text whose state changed under it is made again a second later."""

    def render() -> str:
        if clock.now < 101:
            raise RuntimeError("dictionary changed size during iteration")
        return "whole"

    file = PlanFile(tmp_path / "plan.md", render, wake=lambda: None, clock=clock)
    file.changed()
    file.run(clock.now)
    assert file.due_in(clock.now) == 1.0
    clock.now += 1
    file.run(clock.now)
    assert (tmp_path / "plan.md").read_text() == "whole"


def test_reader_sees_old_or_new(tmp_path: Path) -> None:
    """Somebody who has the file open keeps a whole text; nothing else is left in the folder."""
    texts = iter(["old" * 1000, "new" * 1000])
    file = PlanFile(tmp_path / "plan.md", lambda: next(texts), wake=lambda: None)
    file.changed()
    file.run(time.monotonic())
    with (tmp_path / "plan.md").open() as reader:
        file.changed()
        file.run(time.monotonic())
        assert reader.read() == "old" * 1000
    assert (tmp_path / "plan.md").read_text() == "new" * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["plan.md"]


def test_journal_keeps_the_plan_file(journal: FileJournal) -> None:
    """Text is made in the helper thread after a change, and once more when the run ends."""
    threads: set[str] = set()
    texts: list[str] = []

    def render() -> str:
        threads.add(threading.current_thread().name)
        texts.append(f"text {len(texts)}")
        return texts[-1]

    file = journal.keep_plan_file(render)
    file.changed()
    path = journal.folder.plan_md
    until(path.exists)
    file.changed()
    journal.close()
    assert path.read_text() == texts[-1] == "text 1"
    assert threads == {"orchestra-files"}


def test_broken_text_is_a_problem_of_its_own(journal: FileJournal) -> None:
    """A text that can't be made is told in ``problems``, once."""

    def render() -> str:
        raise KeyError("oops")

    file = journal.keep_plan_file(render)
    file.changed()
    until(lambda: bool(journal.problems))
    file.changed()
    journal.close()
    assert journal.problems == ["PlanFile: 'oops'"]


def test_mirror_follows(folder: RunFolder, tmp_path: Path) -> None:
    """Plan and timeline are where other scripts look for them, the timeline bit by bit."""
    into = tmp_path / "workspace" / "deep"
    journal = FileJournal(folder, mirror=into)
    timeline = into / "orchestration-timeline.jsonl"
    journal.append([event(1)])
    until(partial(same, timeline, folder.log))
    inode = timeline.stat().st_ino
    file = journal.keep_plan_file(lambda: "# Plan")
    journal.append([event(2)])
    file.changed()
    journal.close()
    assert timeline.read_bytes() == folder.log.read_bytes()
    assert timeline.stat().st_ino == inode
    assert (into / "orchestration-plan.md").read_text() == "# Plan"
    assert journal.problems == []


def test_newest_run_has_the_mirror(plan: Plan, home: Path, tmp_path: Path) -> None:
    """A run that starts later takes the mirror over; the earlier one does not disturb it."""
    into = tmp_path / "workspace"
    folders = [RunFolder.create(plan, home=home) for _ in range(2)]
    journals = [FileJournal(folder, mirror=into) for folder in folders]
    timeline = into / "orchestration-timeline.jsonl"
    for seq, journal in enumerate(journals, start=1):
        journal.append([event(seq)])
        until(partial(same, timeline, journal.folder.log))
    files = [journal.keep_plan_file(partial(str, journal.folder.id)) for journal in journals]
    journals[1].append([event(3)])
    files[1].changed()
    journals[1].close()
    journals[0].append([event(4)])
    files[0].changed()
    journals[0].close()
    assert timeline.read_bytes() == folders[1].log.read_bytes()
    assert (into / "orchestration-plan.md").read_text() == folders[1].id


def test_mirror_never_follows_links(folder: RunFolder, tmp_path: Path) -> None:
    """A link in the mirror's folder is replaced; what it pointed to is not touched."""
    into = tmp_path / "workspace"
    into.mkdir()
    (tmp_path / "mine").write_text("mine")
    for name in ("orchestration-timeline.jsonl", "orchestration-plan.md"):
        (into / name).symlink_to(tmp_path / "mine")
    journal = FileJournal(folder, mirror=into)
    journal.keep_plan_file(lambda: "# Plan").changed()
    journal.append([event(1)])
    journal.close()
    assert (tmp_path / "mine").read_text() == "mine"
    assert (into / "orchestration-plan.md").read_text() == "# Plan"
    assert (into / "orchestration-timeline.jsonl").read_bytes() == folder.log.read_bytes()


def test_broken_mirror_does_not_stop_the_run(folder: RunFolder, tmp_path: Path) -> None:
    """A mirror that can't be written is a problem for people; log and plan are complete."""
    (tmp_path / "file").write_text("")
    journal = FileJournal(folder, mirror=tmp_path / "file")
    file = journal.keep_plan_file(lambda: "# Plan")
    file.changed()
    journal.append([event(1)])
    journal.append([event(2)])
    journal.close()
    assert len(folder.log.read_bytes().splitlines()) == 2
    assert folder.plan_md.read_text() == "# Plan"
    assert {problem.partition(":")[0] for problem in journal.problems} == {"Mirror", "PlanFile"}


def test_mirror_of_a_mirror_deleted_by_hand(folder: RunFolder, tmp_path: Path) -> None:
    """A copy that somebody deletes is made again, whole."""
    into = tmp_path / "workspace"
    journal = FileJournal(folder, mirror=into)
    timeline = into / "orchestration-timeline.jsonl"
    journal.append([event(1)])
    until(lambda: timeline.exists() and timeline.stat().st_size > 0)
    os.unlink(timeline)
    journal.append([event(2)])
    journal.close()
    assert timeline.read_bytes() == folder.log.read_bytes()
