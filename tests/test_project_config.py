"""A project-level-config.json of one's own: its levels, its clocks, its auto_proceed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import load_levels
from tests.engine.rig import choice, one_phase, task

CONFIG = """{
  "levels": {"3": {"name": "Ours", "agent_instructions": {"focus": "our own focus"}}},
  "timeouts": {"kinds": {"standard": "7m"}},
  "auto_proceed": %s
}"""


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A file that counts until the test is over."""
    path = tmp_path / "project-level-config.json"
    path.write_text(CONFIG % "true", encoding="utf-8")
    onb.configure(project_config=path)
    yield path
    onb.configure(project_config=None)


def test_its_clocks_count(config: Path, tmp_path: Path) -> None:
    """Its table counts for plans without one of their own, in explain, in a run, in its record."""
    plan = one_phase(choice("d"), task("x", "d"))
    assert plan.explain("d").timeout.sum == "7 min = 7 (standard) × 1.0 (level 3) × 1.0 (normal)"
    own = plan.with_(timeouts={"kinds": {"standard": "3m"}})
    assert own.explain("d").seconds == 180
    run = onb.run(plan, {"x": lambda context: context.level.name}, home=tmp_path)
    while not run.decisions:
        assert not run.finished
    assert run.decisions[0].timeout_s == 420
    run.answer("d", "A")
    assert run.wait(20)["x"] == "Ours"
    onb.configure(project_config=None)
    assert plan.explain("d").seconds == 300
    assert onb.open(run.id, home=tmp_path).plan.timeouts == run.plan.timeouts


def test_its_auto_proceed_counts(config: Path, tmp_path: Path) -> None:
    """Where it says that nothing proceeds by itself no decision has a timer."""
    config.write_text(CONFIG % "false", encoding="utf-8")
    onb.configure(project_config=config)
    plan = one_phase(choice("d", timeout="45s"))
    assert plan.explain("d").timeout.sum == "no timeout: auto_proceed is false"
    run = onb.run(plan, home=tmp_path)
    assert run.plan.auto_proceed is False
    run.stop()


def test_its_levels_count(config: Path) -> None:
    """Its names and instructions stand wherever a level is named; the others are as shipped."""
    assert (load_levels()[3].name, load_levels()[4].name) == ("Ours", "Production Ready")
    assert load_levels()[3].agent_instructions == {"focus": "our own focus"}
    assert "level 3 (Ours)" in repr(one_phase(task("a")).explain())


def test_a_bad_file_is_refused(config: Path, tmp_path: Path) -> None:
    """Every fault is named, and the file in use stays in use."""
    bad = tmp_path / "bad.json"
    bad.write_text('{"levels": {"7": {}}, "timeouts": {"kinds": {"standard": -1}}}', "utf-8")
    with pytest.raises(onb.PlanError) as caught:
        onb.configure(project_config=bad)
    places = [fault.place for fault in caught.value.faults]
    assert places == ["levels.7", "timeouts.kinds.standard"]
    with pytest.raises(onb.PlanError, match="can't be read"):
        onb.configure(project_config=tmp_path / "none.json")
    assert load_levels()[3].name == "Ours"
