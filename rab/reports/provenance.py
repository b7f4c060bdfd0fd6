"""Provenance: what the foot of a report names, so that anyone can tell how it came to be, and make it again."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rab.domain import GenerationRecord, ModelCredit
from rab.reports.report import Question, Report

_THRESHOLDS = {
    "near_similarity": "cosine from which a stored call counts as near",
    "near_calibration": "version of the calibration that nearness comes from",
    "candidate_score": "raw score from which a name is a candidate",
    "min_calibration_labels": "labels that must stand behind a probability",
    "novel_from": "share of the library from which a call counts as unlike the rest",
    "max_following_q": "false-discovery rate up to which a usual sequence is told",
    "weak_signal_db": "SNR in dB below which wording is tentative",
    "min_recordings": "recordings from which similar calls count as independent",
    "flat_neighbours": "near neighbours from which one is expected to stand out",
    "flat_spread": "difference of cosines below which none stands out",
    "max_resembling": "calls that one resemblance cites",
    "max_differences": "measures that one difference names",
    "max_taxa": "taxa that a summary counts one by one",
    "min_pattern_detections": "detections below which no peak is named",
    "min_bin_effort_hours": "hours of effort below which no rate is told and no time compared",
    "min_units": "units of observation that each side of a question needs",
    "max_shuffle_share": "share of shuffles that may show as much as a question's contrast",
}
"""Thresholds of the grounding policy in words; others keep their names."""


@dataclass(frozen=True)
class Threshold:
    """A threshold that was in force: its name, what it says, and its values over the texts of the report."""

    name: str
    words: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """What a report rests on, gathered over its texts."""

    models: tuple[ModelCredit, ...]
    writers: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    calibrations: tuple[str, ...]
    code_versions: tuple[str, ...]
    prompts_sha256: tuple[str, ...]
    write_command: str
    """What made the report."""
    reproduce_command: str
    """What makes it again and compares."""

    @classmethod
    def of(cls, report: Report) -> "Provenance":
        """Gather what the texts of a report say of themselves; equal words stand once."""
        texts = [passage.text for passage in report.passages]
        records = [text.generation for text in texts]
        return cls(
            models=tuple(dict.fromkeys(model for text in texts for model in text.models)),
            writers=_once(map(_writer, records)),
            thresholds=_thresholds(records),
            calibrations=_once(
                (*(name for record in records for name in record.calibrations), *_of_thresholds(report))
            ),
            code_versions=_once(record.code_version for record in records),
            prompts_sha256=_once(record.prompts_sha256 for record in records),
            write_command=_command(report.question) if report.question.is_repeatable else _on_files(report),
            reproduce_command=f"rab reproduce {report.name}",
        )


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _of_thresholds(report: Report) -> Iterator[str]:
    """Yield the calibrations that thresholds of a summary's figures come from: their basis ends in the version."""
    for pack in report.packs:
        for entry in pack.aggregates:
            _, mark, version = entry.basis.rpartition(": calibration ")
            if mark and entry.name == "calibrated_detections":
                yield version


def _writer(record: GenerationRecord) -> str:
    model = f" with {record.model}" if record.model else ""
    return f"{record.writer}{model}, mode {record.mode}"


def _thresholds(records: Iterable[GenerationRecord]) -> tuple[Threshold, ...]:
    values: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.thresholds.items():
            values.setdefault(name, {})["none" if value is None else f"{value:g}"] = None
    return tuple(
        Threshold(name, _THRESHOLDS.get(name, name.replace("_", " ")), tuple(found)) for name, found in values.items()
    )


def _on_files(report: Report) -> str:
    files = dict.fromkeys(pack.query.call.file_name for pack in report.packs if pack.query is not None)
    return "; ".join(shlex.join(["rab", "interpret", name, "--report"]) for name in files)


def _command(question: Question) -> str:
    words = ["rab", "report", *question.segment_ids]
    if question.kind != "monitoring":
        words += ["--of", question.kind]
    if question.where != "everything":
        words += ["--where", question.where]
    if question.compared_to is not None:
        words += ["--compare-to", question.compared_to]
    if question.with_drift:
        words += ["--drift"]
    return shlex.join([*words, "--model", question.model])
