"""What the ledger can know again of the lake: from its tables' files, the archive and the quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from forebay.lake.home.home import Home
from forebay.lake.intake.note import Quarantined
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.verification.proof import Proof, proofs
from forebay.ledger import Ledger
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.defects import FIXED_COUNT
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.orchestration.archive.inventory import known_files


@dataclass(frozen=True, slots=True)
class LakeProof:
    """Goes through the lake's files. What they cannot prove is left out, and so asked for again."""

    ledger: Ledger
    """For the revisions that are known: of archived files, and of the vendor's listing when it was last seen."""
    lake: Home
    quarantine: Quarantine

    def rows(self, table: str) -> Iterator[Coverage]:
        """The coverage of one table, by what its files say. Raises LakeError, LedgerError."""
        archived, refused = known_files(self.ledger, LAKE_DATASETS[table]), self._refused(table)
        recorded = {(row.partition, row.source): row for row in self.ledger.coverage.find(LAKE, table, limit=None)}
        ranges: list[Proof] = []
        found = list(proofs(self.lake, table))
        patched = {proof.dates.start for proof in found if proof.source is Source.TRADES}
        for proof in found:
            if proof.source is Source.FLATFILE:
                day = Partition(table, ALL_SYMBOLS, proof.dates)
                known = _Known(
                    recorded=recorded.get((day, Source.FLATFILE)),
                    archived=archived.get(day.day),
                    refused=refused.get(day.day, []),
                    patched=day.day in patched,
                )
                yield self._day(day, proof, known)
            elif proof.source is Source.REST and proof.is_delivery():
                ranges.append(proof)
        yield from _ranges(table, ranges, [row for row in recorded.values() if row.source is Source.REST])
        built = [row for row in recorded.values() if row.source is Source.TRADES]
        yield from (row for row in built if row.partition.day in patched)  # a file alone does not prove a day whole

    def _refused(self, table: str) -> dict[date, list[Quarantined]]:
        found: defaultdict[date, list[Quarantined]] = defaultdict(list)
        dataset = LAKE_DATASETS[table]
        for note in self.quarantine.list():
            if note.key == dataset.key(note.day):
                found[note.day].append(note)
        return found

    def _day(self, partition: Partition, proof: Proof, known: _Known) -> Coverage:
        """A flat file's day: its revision is known if one of those that are known has made this very file."""
        day = partition.day
        listed = self.ledger.listings.revisions(LAKE_DATASETS[partition.table].name, day, day)
        revision = proof.revision(dict.fromkeys([*known.revisions, *listed.values()]))
        if known.recorded and (known.patched or _agrees(known.recorded, proof, revision)):
            return known.recorded
        note = next((note for note in known.refused if _is_about(note, revision)), None)
        archived = known.archived.evidence if known.archived else Evidence()
        same = revision is not None and revision == archived.revision
        evidence = Evidence(
            rows=proof.rows,
            bytes=archived.bytes if same else None,
            sha256=archived.sha256 if same else None,
            revision=revision,
            reason=note.reason if note else "",
            details={FIXED_COUNT + name: rows for name, rows in sorted(proof.fixed)},
        )
        verdict = Verdict.SUSPECT if note else Verdict.COMPLETE
        return Coverage(partition, LAKE, Source.FLATFILE, verdict, evidence, proof.committed_at)


@dataclass(frozen=True, slots=True)
class _Known:
    """What else is known of a day."""

    recorded: Coverage | None
    """The row that the ledger has of the lake, if it was not lost."""
    archived: Coverage | None
    refused: list[Quarantined]
    patched: bool
    """Bars built from trades stand in place of some of its rows, so that its file is no longer what it came as."""

    @property
    def revisions(self) -> list[Revision]:
        """Those that the day's rows may be of."""
        rows = (self.recorded, self.archived)
        return [row.evidence.revision for row in rows if row and row.evidence.revision]


def _agrees(recorded: Coverage, proof: Proof, revision: Revision | None) -> bool:
    """Whether the file is what is recorded. Then the record stays: it knows more than a file can say."""
    held = recorded.verdict in (Verdict.COMPLETE, Verdict.SUSPECT)
    return held and recorded.evidence.rows == proof.rows and recorded.evidence.revision == revision


def _is_about(note: Quarantined, revision: Revision | None) -> bool:
    """Whether bad rows in quarantine are of this file; where its revision is not known, they may be."""
    return revision is None or note.revision in (None, revision.etag)


def _ranges(table: str, proofs: list[Proof], recorded: list[Coverage]) -> Iterator[Coverage]:
    """What REST brought: as it is recorded where the files have all of those rows, else each file for itself."""
    left: defaultdict[str, list[Proof]] = defaultdict(list)
    for proof in proofs:
        left[proof.symbol].append(proof)
    for row in recorded:
        dates, symbol = row.partition.dates, row.partition.symbol
        inside = [one for one in left[symbol] if one.dates.start in dates and one.dates.end in dates]
        if row.verdict is Verdict.COMPLETE and inside and sum(one.rows for one in inside) == row.evidence.rows:
            left[symbol] = [one for one in left[symbol] if one not in inside]
            yield row
    for proof in (proof for alike in left.values() for proof in alike):
        yield _range(table, proof)


def _range(table: str, proof: Proof) -> Coverage:
    """One file that REST brought, up to the last day with a bar: whether more was to come after it, no file says."""
    dates = proof.dates
    known = Interval(dates.start, min(dates.end, proof.last_day or dates.end))
    partition = Partition(table, proof.symbol, known)
    return Coverage(partition, LAKE, Source.REST, Verdict.COMPLETE, Evidence(rows=proof.rows), proof.committed_at)
