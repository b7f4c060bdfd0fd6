"""The nouns of the field, one file each. Reading this folder is reading what RAB believes about sound and evidence."""

from rab.domain.cluster import Cluster, ClusterChange, ClusterIdentity, Clustering, NoveltyScore
from rab.domain.deployment import Deployment
from rab.domain.descriptors import MEASURES, Descriptors, Measure
from rab.domain.detection import Detection
from rab.domain.embedding import Activation, EmbeddedBatch, EmbedderCard, FoundCall, ModelCredit
from rab.domain.evidence import (
    AggregateEntry,
    CallName,
    CallRef,
    DepthDecision,
    EvidencePack,
    LibraryFacts,
    NameCount,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.domain.filter import (
    PAYLOAD_VERSION,
    Box,
    GivenLabel,
    Near,
    ScoredTaxon,
    SegmentFilter,
    SegmentPayload,
    parse_filter,
    unit_vector,
)
from rab.domain.ids import canonical_json, content_id, point_id, segment_id
from rab.domain.job import FileFailure, FileSkipped, IngestReport
from rab.domain.label import Label, LabelKind, LabelSource
from rab.domain.quality import SignalQuality, Unmeasured
from rab.domain.recording import RecorderNotes, Recording
from rab.domain.segment import CallSegment, SegmentPlace, StoredSegment, local_time
from rab.domain.statement import (
    Claim,
    ClaimKind,
    DroppedClaim,
    GenerationRecord,
    GroundedText,
    Interpretation,
    MonitoringSummary,
    Quantity,
)
from rab.domain.taxon import Taxon, TaxonGroup, TaxonScore
from rab.domain.value import Value
from rab.domain.waveform import Samples, Waveform

__all__ = [
    "MEASURES",
    "PAYLOAD_VERSION",
    "Activation",
    "AggregateEntry",
    "Box",
    "CallName",
    "CallRef",
    "CallSegment",
    "Claim",
    "ClaimKind",
    "Cluster",
    "ClusterChange",
    "ClusterIdentity",
    "Clustering",
    "Deployment",
    "DepthDecision",
    "Descriptors",
    "Detection",
    "DroppedClaim",
    "EmbeddedBatch",
    "EmbedderCard",
    "EvidencePack",
    "FileFailure",
    "FileSkipped",
    "FoundCall",
    "GenerationRecord",
    "GivenLabel",
    "GroundedText",
    "IngestReport",
    "Interpretation",
    "Label",
    "LabelKind",
    "LabelSource",
    "LibraryFacts",
    "Measure",
    "ModelCredit",
    "MonitoringSummary",
    "NameCount",
    "Near",
    "NeighbourEntry",
    "NoveltyScore",
    "PackItem",
    "PrototypeEntry",
    "Quantity",
    "QueryEntry",
    "RecorderNotes",
    "Recording",
    "Samples",
    "ScoredTaxon",
    "SegmentFilter",
    "SegmentPayload",
    "SegmentPlace",
    "SequenceStep",
    "SignalQuality",
    "StoredSegment",
    "Taxon",
    "TaxonGroup",
    "TaxonScore",
    "TaxonScoreEntry",
    "Unmeasured",
    "Value",
    "Waveform",
    "canonical_json",
    "content_id",
    "local_time",
    "parse_filter",
    "point_id",
    "segment_id",
    "unit_vector",
]
