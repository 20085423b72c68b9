"""Plans: what people declare, read from files or made in Python, checked as a whole."""

from __future__ import annotations

from .durations import clock, format_duration, parse_duration
from .each import ForEach
from .entries import Decision, DecisionKind, Entry, Role, Task
from .levels import (
    Level,
    LevelView,
    ProjectConfig,
    configured,
    load_config,
    load_levels,
    skip_reason,
    use_config,
)
from .model import Checkpoints, Phase, Plan
from .names import Names
from .parts import Agent, Budget, Input, Option
from .questions import Question
from .text import clean
from .timeouts import Mode, Timeline, Timeout, Timeouts, is_asked, timeout_for

__all__ = [
    # The plan and its parts
    "Plan",
    "Phase",
    "Task",
    "Decision",
    "ForEach",
    "Option",
    "Question",
    "Agent",
    "Input",
    "Budget",
    "Entry",
    "Names",
    # Their words
    "Mode",
    "Timeline",
    "Checkpoints",
    "DecisionKind",
    "Role",
    # Levels
    "Level",
    "LevelView",
    "ProjectConfig",
    "configured",
    "load_config",
    "load_levels",
    "skip_reason",
    "use_config",
    # Timeouts of decisions
    "Timeout",
    "Timeouts",
    "is_asked",
    "timeout_for",
    # Time and text
    "clean",
    "clock",
    "format_duration",
    "parse_duration",
]
