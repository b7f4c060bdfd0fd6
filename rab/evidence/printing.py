"""An Evidence Pack as words: every entry on a line of its own, under the id by which it is cited."""

from collections.abc import Iterable, Iterator

from rab.domain import (
    CallName,
    CallRef,
    EvidencePack,
    QueryEntry,
    SignalQuality,
    TaxonScoreEntry,
    local_time,
)
from rab.domain.descriptors import MEASURES, Descriptors


def pack_words(pack: EvidencePack) -> str:
    """Return a pack for people to read, as plain text."""
    return "\n".join(_lines(pack)) + "\n"


def _lines(pack: EvidencePack) -> Iterator[str]:
    library = pack.library
    yield f"Evidence Pack {pack.pack_id}"
    yield f"  {pack.kind} {pack.subject}"
    yield (
        f"  searched: {library.n_segments} segments of {library.n_recordings} recordings at {library.n_sites} sites"
        f" ({library.filter_words}), space {library.space}"
    )
    yield from _query(pack)
    yield from _section("Neighbours", _neighbours(pack))
    yield from _section("Prototypes", _prototypes(pack))
    yield from _section("Sequence", _sequence(pack))
    yield from _section("Usual sequence", _followings(pack))
    yield from _section("Taxon scores (raw scores are not probabilities)", _taxon_scores(pack))
    yield from _section("Contrasts", _contrasts(pack))
    yield from _section("Exemplars", _exemplars(pack))
    yield from _section("Aggregates", _aggregates(pack))
    yield from _section("Notes", (f"  {note}" for note in pack.notes))
    yield from _section("Models", (f"  {m.key}  {m.licence}  {m.citation}" for m in pack.models))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    body = list(lines)
    if body:
        yield ""
        yield title
        yield from body


def _query(pack: EvidencePack) -> Iterator[str]:
    query = pack.query
    if query is None:
        return
    yield ""
    yield "Query"
    yield f"  {pack.item_id(query.key)}  {call_words(query.call)}"
    yield f"    quality: {_quality(query.quality)}"
    yield f"    descriptors: {_descriptors(query)}"
    if query.is_placed:
        yield f"    cluster: {query.cluster_id or 'none'}"
    if query.novelty is not None:
        yield f"    novelty: farther out than {100 * query.novelty:.0f} % of the library"
    if pack.depth is not None:
        yield f"    depth: {'; '.join(pack.depth.reasons)}"


def _neighbours(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.neighbours:
        yield f"  {pack.item_id(entry.key)}  cosine {entry.similarity:.3f}  {name_words(entry.name)}"
        copies = f"; {entry.n_copies} exact {'copy' if entry.n_copies == 1 else 'copies'}" if entry.n_copies else ""
        yield f"    {call_words(entry.call)}; {_snr(entry.quality)}{copies}"


def _prototypes(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.prototypes:
        names = ", ".join(f"{n.common_name} {n.n_members}" for n in entry.names) or "no names"
        yield (
            f"  {pack.item_id(entry.key)}  cosine {entry.similarity:.3f}  cluster {entry.cluster_id}"
            f" of {entry.n_members} calls: {names}"
        )


def _sequence(pack: EvidencePack) -> Iterator[str]:
    for step in pack.sequence:
        cluster = f"  cluster {step.cluster_id}" if step.cluster_id else ""
        yield (
            f"  {pack.item_id(step.key)}  {step.call.t0_ms / 1000:.3f}–{step.call.t1_ms / 1000:.3f} s,"
            f" gap {step.gap_ms:.0f} ms  {name_words(step.name)}{cluster}"
        )


def _followings(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.followings:
        yield (
            f"  {pack.item_id(entry.key)}  {entry.other_id} {entry.direction} {entry.cluster_id} within"
            f" {entry.within_ms / 1000:g} s: {entry.n_followed} of {entry.n}, {entry.n_by_chance:.1f} by chance,"
            f" median gap {entry.median_gap_ms:.0f} ms, {entry.n_recordings} recordings, q {entry.q_value:.2g}"
        )
        for call in entry.exemplars:
            yield f"    {call_words(call)}"


def _taxon_scores(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.taxon_scores:
        score = entry.score
        place = {True: "expected here and now", False: "not expected here and now", None: "location not known"}
        by_probe = score.model.startswith("probe:")
        said = f"by {score.model}, not checked against the location" if by_probe else place[score.in_range]
        yield (
            f"  {pack.item_id(entry.key)}  {score.raw_score:.3f}"
            f"  {both_names(score.taxon.common_name, score.taxon.scientific_name)}  {said}{_calibrated(entry)}"
        )


def _calibrated(entry: TaxonScoreEntry) -> str:
    """Return a score's calibrated probability and what it rests on, as the end of a line; empty without one."""
    ref = entry.calibration
    if entry.probability is None or ref is None:
        return ""
    pooled = "" if ref.pooled_taxa is None else f", pooled over {ref.pooled_taxa} taxa with n={ref.pooled_n}"
    return (
        f"  calibrated probability {entry.probability:.3f} [{ref.low:.3f}, {ref.high:.3f}]"
        f" (n={ref.n}{pooled}, v{ref.version} of {ref.learned_on})"
    )


def _contrasts(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.contrasts:
        family, measure = entry.family.replace("_", " "), entry.measure.replace("_", " ")
        yield f"  {pack.item_id(entry.key)}  {family}, {measure} per {entry.unit.removesuffix('s')}: {entry.command}"


def _exemplars(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.exemplars:
        yield f"  {pack.item_id(entry.key)}  {entry.contrast}, {entry.group}: {name_words(entry.name)}"
        yield f"    {call_words(entry.call)}; {_snr(entry.quality)}"


def _aggregates(pack: EvidencePack) -> Iterator[str]:
    for entry in pack.aggregates:
        group = f" [{entry.group_words or entry.group}]" if entry.group else ""
        over = f" in {entry.denominator:g} {entry.denominator_unit}" if entry.denominator is not None else ""
        value = f"{entry.value:.{entry.decimals}f} {entry.unit}".rstrip()
        yield f"  {pack.item_id(entry.key)}  {entry.name}{group}: {value}{over}  ({entry.basis})"


def call_words(call: CallRef) -> str:
    """Return where and when a call is, as a reader would look it up."""
    words = f"{call.file_name} {call.t0_ms / 1000:.3f}–{call.t1_ms / 1000:.3f} s"
    if call.site is not None:
        words += f" at {call.site}"
    local = local_time(call.heard_at, call.zone)
    if local is not None:
        words += f", {local:%Y-%m-%d %H:%M:%S} {call.zone}"
    return f"{words}, audio {call.recording_id[:12]}"


def name_words(name: CallName | None) -> str:
    """Return who says what a call is."""
    if name is None:
        return "unnamed"
    who = f"raw score {name.raw_score:.2f} by {name.by}" if name.source == "model" else f"label by {name.by}"
    origin = "".join(f", {told}" for told in (name.provenance, name.licence) if told)
    return f"{both_names(name.common_name, name.scientific_name)}, {who}{origin}"


def both_names(common_name: str, scientific_name: str) -> str:
    """Return both names of a taxon, or the one that there is: probes know a label by one name alone."""
    return scientific_name if common_name == scientific_name else f"{common_name} ({scientific_name})"


def _snr(quality: SignalQuality) -> str:
    if quality.snr_db is None:
        return f"SNR not measured ({(quality.snr_unmeasured or 'unknown').replace('_', ' ')})"
    return f"SNR {quality.snr_db:.1f} dB"


def _quality(quality: SignalQuality) -> str:
    words = [_snr(quality)]
    if quality.band_low_hz is not None and quality.band_high_hz is not None:
        words.append(f"in {quality.band_low_hz / 1000:.2f}–{quality.band_high_hz / 1000:.2f} kHz")
    if quality.noise_floor_dbfs is not None:
        words.append(f"noise floor {quality.noise_floor_dbfs:.1f} dBFS")
    if quality.peak_dbfs is not None:
        words.append(f"peak {quality.peak_dbfs:.1f} dBFS")
    words.append(f"clipped {100 * quality.clipped_fraction:.2f} %, overlap {100 * quality.overlap_fraction:.0f} %")
    flags = [flag for flag in ("rain", "wind", "silent") if getattr(quality, flag)]
    return ", ".join(words + flags)


def _descriptors(query: QueryEntry) -> str:
    shape: Descriptors = query.descriptors
    words = []
    for field, measure in MEASURES.items():
        value = getattr(shape, field)
        if value is not None:
            words.append(f"{measure.words} {value:.{measure.decimals}f} {measure.unit}".rstrip())
    return ", ".join(words) or "none measured"
