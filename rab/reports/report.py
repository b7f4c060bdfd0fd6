"""Report: what a document shows, what was asked for it, and the sound and pictures that go with it.

A report computes no evidence. It holds texts whose statements were validated against their Evidence Packs, in any
mixture, and the question that they answer as data, so that the same library can be asked again. Recordings stay where
they are; clips and spectrograms are handed in when it is rendered.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, computed_field, field_validator, model_validator

from rab.domain import EvidencePack, FileFailure, FileSkipped, GroundedText, Value, content_id
from rab.domain.value import Instant
from rab.generation.needs.base import Output

PICTURES: dict[str, Any] = {"passages": {"__all__": {"text": {"pack": {"thumbnails"}}}}}
"""What of a report stays out of its JSON: the bytes of a picture depend on the machine that drew it."""

ReportKind = Literal["monitoring", "interpretation", "suggestion", "hypotheses"]


class RecordingLicence(Value):
    """A licence that stands beside recordings, and the recordings beside which it stands."""

    licence: str
    file_names: tuple[str, ...]


class Question(Value):
    """What a report answers: enough to ask the same library again."""

    kind: ReportKind
    model: str
    where: str = "everything"
    """The filter in words, as `--where` reads it."""
    compared_to: str | None = None
    """The other side of a comparison: a filter in words, or `previous`."""
    with_drift: bool = False
    segment_ids: tuple[str, ...] = ()
    """The calls that are interpreted, or that labels are suggested for; of a monitoring report they follow from it."""
    families: tuple[str, ...] = ()
    """Of questions worth a test: what was screened for."""
    n_interpreted: int = 0
    """Of a monitoring report: taxa, most detections first, whose best call is interpreted."""
    policies: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What governs the gathering of evidence, by name: `evidence` and `summary`."""
    is_repeatable: bool = True
    """False where a call was heard in a file that the library does not hold."""


class Passage(Value):
    """A text of a report, and which output it is."""

    output: Output
    text: GroundedText

    @field_validator("text", mode="before")
    @classmethod
    def _plain(cls, text: object) -> object:
        """Keep what every text has: what a kind of text works out of its claims can be worked out again."""
        if isinstance(text, GroundedText) and type(text) is not GroundedText:
            return GroundedText(**{name: getattr(text, name) for name in GroundedText.model_fields})
        return text


class Report(Value):
    """Validated texts as one document."""

    schema_version: Literal[2] = 2
    """2: any texts, with their question. 1 held a summary with interpretations, and could not be asked again."""
    title: str
    created_at: Instant
    """Given, never read from a clock: equal reports give equal bytes."""
    question: Question
    passages: tuple[Passage, ...] = Field(min_length=1)
    recording_licences: tuple[RecordingLicence, ...] = ()
    """Of those recordings in the document whose licence was written down beside them."""
    caveats: tuple[str, ...] = ()
    """What could not be known of the recordings."""
    failures: tuple[FileFailure, ...] = ()
    skipped: tuple[FileSkipped, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @property
    def seal(self) -> str:
        """sha256 of the canonical JSON without pictures and without this seal."""
        return content_id(canonical(self.model_dump(mode="json", exclude={**PICTURES, "seal": True})).encode())

    @model_validator(mode="wrap")
    @classmethod
    def _seal_holds(cls, content: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse a printed report whose content no longer gives its seal."""
        printed = content.get("seal") if isinstance(content, dict) else None
        if printed is None:
            return build(content)
        report = build({name: value for name, value in content.items() if name != "seal"})
        if report.seal != printed:
            raise ValueError(f"the report was changed by hand after it was sealed: {printed} is not {report.seal}")
        return report

    @property
    def summary(self) -> GroundedText | None:
        """The monitoring summary; None for a report without one."""
        return next(iter(self.texts("summary")), None)

    @property
    def packs(self) -> tuple[EvidencePack, ...]:
        """The Evidence Packs of the texts, in their order."""
        return tuple(passage.text.pack for passage in self.passages)

    @property
    def name(self) -> str:
        """What the report is called in the library: the same evidence in the same kind of report has the same name."""
        if self.summary is not None:
            return self.summary.pack.pack_id[:12]
        outputs = (f"{passage.output} {passage.text.pack.pack_id}" for passage in self.passages)
        return content_id("\n".join(outputs).encode())[:12]

    def texts(self, output: Output) -> tuple[GroundedText, ...]:
        """Return the texts of an output."""
        return tuple(passage.text for passage in self.passages if passage.output == output)


def canonical(content: dict[str, Any]) -> str:
    """Return content as JSON with sorted keys and no spaces: equal content gives equal bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class CallMedia:
    """A call's sound and its spectrogram; the document draws the axes round the picture."""

    audio: bytes
    png: bytes
    """Spectrogram without axes: time from left to right over `duration_ms`, frequency upwards, linear."""
    low_hz: float
    """Frequency at the lower edge of the picture."""
    high_hz: float
    duration_ms: float
    """Length in the real world, whatever the playback's speed."""
    playback_note: str = ""
    """How the sound differs from what was recorded: `time-expanded ×10`."""
    audio_type: Literal["audio/wav", "audio/flac", "audio/ogg", "audio/mpeg"] = "audio/wav"


@dataclass(frozen=True)
class NoMedia:
    """Why a call has neither sound nor picture in the document."""

    reason: str


Media = Mapping[str, CallMedia | NoMedia]
"""Segment id → what can be heard and seen of it. A call that is not in it is shown in words alone."""
