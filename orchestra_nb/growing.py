"""A plan grows while it runs: the part of the fold for ``for_each``."""

from __future__ import annotations

from .events import Event
from .regraph import regraph
from .settling import begin_anew, recount
from .state import SETTLED, Change, State

__all__ = ["task_added"]


def task_added(state: State, e: Event, change: Change) -> None:
    """One task per item is there from here on; of those that were, the changed are done again."""
    graph = state.graph
    items = [(one["id"], one["text"], one.get("item", "")) for one in e["items"]]
    template = graph.index[e["template"]]
    if graph.nodes[template].each is None:
        return
    known = {node.id: node for node in graph.nodes if node.template == template}
    if any(name in graph.index and name not in known for name, _, _ in items):
        return
    listed = set(graph.nodes[template].items)
    again = []
    for name, text, item in items:
        old = known.get(name)
        if old is None:
            continue
        task = state.tasks[old.index]
        back = old.index not in listed and task.skip_cause == "when"
        if back or old.item != item or old.title != text or not item:
            again.append((task, text))
    regraph(state, graph.grown(template, items), e["t"], change)
    for task, text in again:
        task.title = text
        if task.status in SETTLED:
            begin_anew(state, task, change)
    if again:
        state.revivals += 1
        recount(state, e["t"], change)
    group = state.tasks[template]
    group.grown_at = e["t"]
    change.tasks.add(template)
    change.tasks.update(state.graph.nodes[template].items)
