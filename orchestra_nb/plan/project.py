"""The ready set of questions for a project."""

from __future__ import annotations

from .questions import Question

__all__ = ["project"]


def project() -> tuple[Question, ...]:
    """Ten questions worth asking before any project, and what follows on them.

    In three groups: what is to be made and for whom, with which techniques, and how good it has to
    be. The answers on level, timeline and budget set the run's own.

    Example::

        onb.Plan(name="Pricing", questions=onb.questions.project(), phases=[...])
    """
    return (*_understanding(), *_techniques(), *_quality())


def _understanding() -> tuple[Question, ...]:
    group = "Project understanding"
    return (
        Question(id="goal", ask="What is the primary goal of this project?", group=group),
        Question(
            id="audience",
            ask="Who is the target audience?",
            options=["B2B", "B2C", "Developers", "Internal", "Others"],
            kind="several",
            follow_up={"Others": [Question(id="audience_others", ask="Who are the others?")]},
            group=group,
        ),
        Question(id="timeline", ask="What is your timeline?", sets="timeline", group=group),
        Question(
            id="budget", ask="What is your budget constraint? (USD)", sets="budget", group=group
        ),
    )


def _techniques() -> tuple[Question, ...]:
    group = "Technical preferences"
    return (
        Question(
            id="stack",
            ask="Do you have a preferred tech stack?",
            kind="yes_no",
            default="no",
            follow_up={"yes": [Question(id="stack_names", ask="Which one?")]},
            group=group,
        ),
        Question(
            id="systems",
            ask="Any existing systems to integrate with?",
            kind="yes_no",
            default="no",
            follow_up={
                "yes": [
                    Question(id="systems_names", ask="Which systems?"),
                    Question(
                        id="systems_file",
                        ask="Is there a file that describes their interfaces?",
                        kind="path",
                    ),
                ]
            },
            group=group,
        ),
        Question(
            id="hosting",
            ask="Hosting preferences (cloud provider)?",
            options=["No preference", "AWS", "Azure", "Google Cloud", "Own servers", "Another"],
            default="No preference",
            follow_up={"Another": [Question(id="hosting_name", ask="Which provider?")]},
            group=group,
        ),
    )


def _quality() -> tuple[Question, ...]:
    group = "Quality requirements"
    real_time = Question(
        id="real_time",
        ask="Do you need real-time features?",
        kind="yes_no",
        default="no",
        follow_up={
            "yes": [
                Question(
                    id="latency",
                    ask="What is your latency requirement? (milliseconds)",
                    kind="integer",
                    min=1,
                    default=100,
                ),
                Question(
                    id="users",
                    ask="How many concurrent users?",
                    kind="integer",
                    min=1,
                    default=500,
                ),
            ]
        },
    )
    return (
        Question(
            id="level",
            ask="What project level are you targeting? (1-5)",
            sets="level",
            group=group,
        ),
        Question(
            id="compliance",
            ask="Any specific compliance requirements?",
            kind="several",
            options=["GDPR", "HIPAA", "PCI DSS", "SOC 2", "ISO 27001", "Others"],
            default=[],
            follow_up={"Others": [Question(id="compliance_others", ask="Which others?")]},
            group=group,
        ),
        Question(
            id="performance",
            ask="Performance requirements?",
            kind="yes_no",
            default="no",
            follow_up={
                "yes": [
                    Question(id="performance_goals", ask="What has to be fast, and how fast?"),
                    real_time,
                ]
            },
            group=group,
        ),
    )
