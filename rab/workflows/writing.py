"""Writing: who puts a sealed pack into words, a template or a language model, and what happens when the model fails.

A text never fails because a model did: whatever goes wrong between here and its server, the template writes, and the
text says so. A model is asked at most twice within one deadline, and the second time it is told codes alone.
"""

from typing import Any, Literal, overload

from rab.domain import (
    AnnotationSuggestion,
    EvidencePack,
    GenerationRecord,
    GroundedText,
    HypothesisPrompts,
    Interpretation,
    MonitoringSummary,
)
from rab.generation.modes.dispatch import Mode, Tried, by_model, task_of
from rab.generation.modes.tasks import Task, repaired
from rab.generation.needs.base import Grounds, Output
from rab.generation.writer import by_template, recorded
from rab.language.base import LanguageModel, ModelFault
from rab.logs import canonical_line
from rab.workflows.calibrating import grounding_policy
from rab.workflows.workspace import Workspace

_LEAST_S = 1.0
"""Less than this left of the deadline is not worth a second question."""


@overload
def write(workspace: Workspace, pack: EvidencePack, output: Literal["interpretation"]) -> Interpretation: ...


@overload
def write(workspace: Workspace, pack: EvidencePack, output: Literal["suggestion"]) -> AnnotationSuggestion: ...


@overload
def write(workspace: Workspace, pack: EvidencePack, output: Literal["summary"]) -> MonitoringSummary: ...


@overload
def write(workspace: Workspace, pack: EvidencePack, output: Literal["hypotheses"]) -> HypothesisPrompts: ...


@overload
def write(workspace: Workspace, pack: EvidencePack, output: Output) -> GroundedText: ...


def write(workspace: Workspace, pack: EvidencePack, output: Output) -> GroundedText:
    """Put a pack into words for an output, by the workspace's language model where it has one.

    Never raises on account of the model: then the template writes, and the record says why.
    """
    grounds = Grounds.of(pack, grounding_policy(workspace, pack), output)
    if workspace.language is None or workspace.language_mode == "template":
        return by_template(grounds)
    return written_by(workspace.language, workspace.language_mode, grounds)


def written_by(model: LanguageModel, mode: Mode, grounds: Grounds) -> GroundedText:
    """Let a language model take part in writing in a mode; the template writes where nothing comes of it."""
    task = task_of(mode, grounds)
    if task is None:
        return by_template(grounds, recorded(mode=mode, model=model.key))
    with canonical_line("language", mode=mode, model=model.key) as line:
        tried, n_attempts, why = _asked(model, mode, task, grounds)
        line.update(n_attempts=n_attempts, fallback_reason=why, codes=tried.codes)
    if tried.text is None:
        return by_template(grounds, _record(mode, model, n_attempts, why))
    record = tried.text.generation.model_copy(update={"attempts": n_attempts})
    return tried.text.model_copy(update={"generation": record})


def _asked(model: LanguageModel, mode: Mode, task: Task, grounds: Grounds) -> tuple[Tried, int, str | None]:
    """Ask once, and once more when something was wrong with the answer; return the better of both."""
    left_s, question, best = model.deadline_s, task.question, Tried(None, ())
    why = "no statement of the language model could be used"
    for n_attempts in (1, 2):
        try:
            answer = model.answer(question, within_s=left_s)
        except ModelFault as fault:
            n_sent = n_attempts - (fault.fault == "resting")
            return best, n_sent, None if best.text else fault.message
        tried = by_model(task, answer.content, grounds, _record(mode, model))
        best = tried if best.text is None or _n_wrong(tried) < _n_wrong(best) else best
        left_s -= answer.seconds
        if not tried.codes or left_s < _LEAST_S:
            break
        question = repaired(task.question, tried.codes)
    return best, n_attempts, None if best.text else f"{why} ({', '.join(best.codes) or 'nothing was chosen'})"


def _n_wrong(tried: Tried) -> float:
    """Return how many statements were refused; more than any number where nothing can be printed."""
    return float("inf") if tried.text is None else len(tried.text.dropped)


def _record(mode: Mode, model: LanguageModel, n_attempts: int = 0, why: str | None = None) -> GenerationRecord:
    who: dict[str, Any] = {"mode": mode, "model": model.key, "attempts": n_attempts, "fallback_reason": why}
    return recorded(**who)
