"""Ready questions to ask before a run.

``project()`` is a set for any project; a plan in YAML says ``questions: project``, or names it in a
list among its own.
"""

from __future__ import annotations

from .plan.project import project

__all__ = ["project"]
