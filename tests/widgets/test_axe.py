"""Accessibility of what is rendered, judged by axe and by our own measure of contrast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import AXE, NO_AXE

from . import card_scenes as cards
from . import scenes
from .stage import Stage, axe

SCENES: dict[str, tuple[Callable[[], scenes.Scene], float]] = {
    "running": (scenes.running, 24.6),
    "deciding": (scenes.deciding, 18.7),
    "last minute": (scenes.deciding, 25.3),
    "last seconds": (scenes.deciding, 25.7),
    "inbox": (cards.inbox, 18.7),
    "checkpoint": (cards.checkpoint, 18.7),
    "overrun": (cards.overrun, 18.7),
    "approval": (lambda: cards.approval(problem="to: nobody has this address"), 18.7),
    "review": (cards.review, 18.7),
    "failure": (cards.failure, 18.7),
    "budget": (cards.budget, 18.7),
    "budget used up": (lambda: cards.budget(reached=True), 18.7),
    "spend": (cards.spend, 18.7),
    "decided": (cards.decided, 18.7),
    "finished": (scenes.finished, 63.5),
    "failed": (scenes.failed, 48.2),
    "2,000 tasks": (scenes.many, 26.0),
}

CONTRAST = r"""() => {
  const g = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
    .getContext('2d', { willReadFrequently: true });
  const over = (layers) => { for (const c of layers) { g.fillStyle = c; g.fillRect(0, 0, 1, 1); }
    return [...g.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const lum = (rgb) => { const [r, gg, b] = rgb.map((v) =>
    (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * gg + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05); };
  const grounds = (el) => { const out = [];
    for (let e = el; e; e = e.parentElement) out.unshift(getComputedStyle(e).backgroundColor);
    return ['#fff', ...out]; };
  const texts = [];
  const walk = document.createTreeWalker(document.querySelector('.onb'), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    const css = getComputedStyle(el);
    const text = walk.currentNode.data.trim();
    if (!text || css.visibility === 'hidden' || !el.getClientRects().length) continue;
    if (el.closest(':disabled')) continue;
    const under = [grounds(el)];
    const fill = el.closest('.wide')?.querySelector('.bf');
    // A button's text stands on what is left of the fill and on what is gone of it.
    if (fill) under.push([...under[0], getComputedStyle(fill).backgroundColor]);
    const row = el.closest('.timed')?.querySelector('.of');
    if (row) under.push([...under[0], getComputedStyle(row).backgroundColor]);
    for (const ground of under) {
      texts.push([ratio(over([...ground, css.color]), over(ground)), text.slice(0, 40)]);
    }
  }
  return texts.sort((a, b) => a[0] - b[0]).slice(0, 3);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", list(SCENES))
def test_every_text_has_a_contrast_of_4_5(stage: Stage, name: str, theme: str) -> None:
    """Measured as rendered, on both sides of every fill that runs through a text."""
    make, minutes = SCENES[name]
    stage.show(make(), minutes, theme=theme)
    if name == "deciding":
        stage.page.locator(".option").nth(1).click()
        stage.page.wait_for_timeout(300)
    worst: list[Any] = stage.page.evaluate(CONTRAST)
    assert worst[0][0] >= 4.5, worst


@pytest.mark.skipif(not AXE.exists(), reason=NO_AXE)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "name",
    ["deciding", "inbox", "checkpoint", "approval", "review", "failure", "decided", "failed",
     "2,000 tasks"],
)  # fmt: skip
def test_axe_finds_nothing(stage: Stage, name: str, theme: str) -> None:
    """Roles, names, labels, contrast: axe's rules for WCAG 2.2 AA and its best practices."""
    make, minutes = SCENES[name]
    stage.show(make(), minutes, theme=theme)
    assert axe(stage, ".onb") == []


@pytest.mark.skipif(not AXE.exists(), reason=NO_AXE)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("make", [cards.approval, cards.review])
def test_fields_and_their_faults_can_be_read(
    stage: Stage, make: Callable[[], scenes.Scene], theme: str
) -> None:
    """What was turned into fields has names, and what is wrong with them is told beside them."""
    stage.show(make(), 18.7, theme=theme)
    stage.page.locator(".sheethead .btn").click()
    stage.page.locator(".sheet textarea:visible").last.fill("[")
    stage.page.wait_for_timeout(300)
    worst: list[Any] = stage.page.evaluate(CONTRAST)
    assert worst[0][0] >= 4.5, worst
    assert axe(stage, ".onb") == []
