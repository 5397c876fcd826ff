"""What was not heard: noted when it begins, asked for by REST when it is over, closed when the sinks have it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from pathlib import Path
from random import Random

import polars as pl
import pytest

from forebay.clock import SystemClock
from forebay.errors import LakeError
from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.model.catalogue import Kind as Rows
from forebay.model.instrument import AssetClass
from forebay.model.live import Cause, Cluster, Interruption, Subscription
from forebay.model.message import BarMessage, Message
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.orchestration.live.outlet import Outlet
from forebay.orchestration.live.refill import Refill
from forebay.orchestration.live.seam import Seam
from forebay.orchestration.live.shares import OVERLAP
from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock
from forebay.vendor.rest import RestClient
from forebay.vendor.stream.channels import Kind
from scripted import Answer, Asked, ScriptedServer, as_json

DAY = date(2026, 3, 2)
BEGAN = datetime(2026, 3, 2, 15, 30, 20, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


class Kept:
    """A sink in memory."""

    name = "kept"

    def __init__(self) -> None:
        self.came: list[Message] = []
        self.flushes = 0

    def send(self, messages: Sequence[Message]) -> None:
        self.came += messages

    def flush(self, seconds: float) -> None:
        """All is acknowledged at once."""
        self.flushes += 1

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    with Sandbox(start=DAY, end=DAY, tickers=6) as sandbox:
        yield sandbox


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ENDED + timedelta(seconds=10))


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock, calls_per_minute=0) as opened:
        yield opened


@pytest.fixture
def book(ledger: Ledger, clock: FakeClock) -> Interruptions:
    return Interruptions(ledger.database, clock)


@pytest.fixture
def sink() -> Kept:
    return Kept()


@pytest.fixture
def seam_within(
    vendor: Sandbox, ledger: Ledger, book: Interruptions, clock: FakeClock, sink: Kept
) -> Iterator[Callable[[int], Seam]]:
    """Makes the seam that may spend so many calls on a wildcard."""
    outlet = Outlet(sink, SystemClock(), Random(1), most=1000, every=timedelta())
    outlet.start()
    with RestClient(vendor.env["FOREBAY_REST_URL"], vendor.env["POLYGON_API_KEY"], ledger.budget, clock) as rest:

        def make(budget: int) -> Seam:
            refill = Refill(rest, clock, budget, timedelta(), lambda *_: ["AAPL", "GOOGL"])
            return Seam(Cluster.STOCKS, book, refill, [outlet], clock)

        yield make
    outlet.close(10)


@pytest.fixture
def seam(seam_within: Callable[[int], Seam]) -> Seam:
    return seam_within(2)


def lost(*subscriptions: str, began: datetime = BEGAN, ended: datetime | None = ENDED) -> Interruption:
    return Interruption(Cluster.STOCKS, tuple(map(Subscription.of, subscriptions)), began, ended, Cause.CLOSED)


def never() -> bool:
    return False


def truth(vendor: Sandbox, *symbols: str, began: datetime = BEGAN, ended: datetime = ENDED) -> set[tuple[object, ...]]:
    """The market's bars that an interruption may lack."""
    rows = vendor.market.bars(AssetClass.STOCKS, Rows.BARS_1M, DAY, DAY)
    inside = pl.col("window_start").is_between(began - OVERLAP - MINUTE, ended - MINUTE, closed="right")
    mine = rows.filter(inside & pl.col("ticker").is_in(symbols))
    columns = ("ticker", "window_start", "open", "high", "low", "close", "volume")
    return {tuple(row[name] for name in columns) for row in mine.iter_rows(named=True)}


def told(sink: Kept) -> set[tuple[object, ...]]:
    bars = [each for each in sink.came if isinstance(each, BarMessage)]
    return {
        (b.symbol, datetime.fromtimestamp(b.timestamp / 1000, UTC), b.open, b.high, b.low, b.close, b.volume)
        for b in bars
    }


def test_an_interruption_is_refilled_and_closed_with_evidence(
    seam: Seam, vendor: Sandbox, book: Interruptions, sink: Kept
) -> None:
    """Every bar from the overlap before it to its end comes, each symbol by one call; then it is open no more."""
    seam.hear(lost("AM.AAPL", "AM.MSFT", ended=None))
    assert [None] == [noted.interruption.ended for noted in book.open()]
    assert 0 == seam.make_good({}, never)

    seam.hear(lost("AM.AAPL", "AM.MSFT"))
    assert 1 == seam.make_good({}, never)

    expected = truth(vendor, "AAPL", "MSFT")
    assert len(expected) > 20
    assert expected == told(sink)
    assert [] == book.open()
    (closed,) = book.find()
    assert {"calls": 2, "symbols": 2, "bars": len(expected)} == closed.evidence


def test_bars_that_the_stream_may_still_change_are_the_streams(seam: Seam, sink: Kept) -> None:
    """A refilled bar of the last quarter of an hour gives way to the stream's change of it; older ones are final."""
    seam.hear(lost("AM.AAPL"))
    seam.make_good({}, never)

    border = ENDED + timedelta(seconds=10) - OVERLAP
    expected = {True: Source.REST, False: Source.STREAM}
    sources = {
        bar.timestamp: (bar.source, expected[datetime.fromtimestamp(bar.timestamp / 1000, UTC) < border])
        for bar in sink.came
        if isinstance(bar, BarMessage)
    }
    assert {Source.REST, Source.STREAM} == {source for source, _ in sources.values()}
    assert all(source is wanted for source, wanted in sources.values())


@contextmanager
def answering(
    answers: Callable[[ScriptedServer, Seam, Outlet], Iterator[Answer]],
    ledger: Ledger,
    clock: FakeClock,
    sink: Kept,
) -> Iterator[tuple[Seam, ScriptedServer]]:
    """A seam whose vendor gives these answers, one after the other."""
    server, outlet = ScriptedServer(), Outlet(sink, SystemClock(), Random(1), most=1000, every=timedelta())
    outlet.start()
    book = Interruptions(ledger.database, clock)
    with RestClient(server.url, "key", ledger.budget, clock) as rest:
        seam = Seam(Cluster.STOCKS, book, Refill(rest, clock, 2, timedelta(), lambda *_: []), [outlet], clock)
        left = answers(server, seam, outlet)
        server.reply = lambda _: next(left)
        yield seam, server
    outlet.close(10)
    server.close()


def bar_at(start: datetime, volume: float) -> BarMessage:
    """As the stream tells it."""
    at = int(start.timestamp() * 1000)
    return BarMessage("AAPL", AssetClass.STOCKS, "1m", at, 1, 3, 1, 3, volume, 2, None, Source.STREAM, Phase.STREAM)


def page_of(start: datetime, **more: str) -> Answer:
    """As the vendor's REST does, of volume 8."""
    bar = {"t": int(start.timestamp() * 1000), "o": 1, "h": 2, "l": 1, "c": 2, "v": 8, "vw": 1.5, "n": 4}
    found = {"ticker": "AAPL", "adjusted": False, "status": "OK", "resultsCount": 1, "results": [bar]}
    return as_json({**found, **more})


def test_what_the_stream_tells_while_the_vendor_answers_is_not_undone_by_the_answer(
    ledger: Ledger, clock: FakeClock, sink: Kept
) -> None:
    """The vendor's answer is as old as its question: a bar that the stream changed since then keeps its change.

    Nor is a bar called final that the stream could still change when the vendor was asked.
    """
    start = BEGAN.replace(minute=25, second=0)
    clock.advance((start + OVERLAP - clock.now()).total_seconds() - 5)

    def answers(_: ScriptedServer, seam: Seam, outlet: Outlet) -> Iterator[Answer]:
        clock.advance(10)
        seam.told([bar_at(start, 9)])
        outlet.put([bar_at(start, 9)])
        yield page_of(start)

    with answering(answers, ledger, clock, sink) as (seam, _):
        seam.hear(lost("AM.AAPL"))
        assert 1 == seam.make_good({}, never)

    assert [(8, Source.STREAM), (9, Source.STREAM)] == [(bar.volume, bar.source) for bar in sink.came[-2:]]


@pytest.mark.parametrize(("status", "closed"), [(400, 1), (500, 0)])
def test_an_answer_that_breaks_off_undoes_nothing_either(
    ledger: Ledger, clock: FakeClock, sink: Kept, status: int, closed: int
) -> None:
    """One page was sent on, the next one is refused or does not come: what the stream told meanwhile stands."""
    start = BEGAN.replace(minute=30, second=0)

    def answers(server: ScriptedServer, seam: Seam, outlet: Outlet) -> Iterator[Answer]:
        seam.told([bar_at(start, 9)])
        outlet.put([bar_at(start, 9)])
        yield page_of(start, next_url=f"{server.url}/v2/two?cursor=2")
        yield from repeat(as_json({"status": "ERROR"}, status))

    with answering(answers, ledger, clock, sink) as (seam, _):
        seam.hear(lost("AM.AAPL"))
        assert closed == seam.make_good({}, never)

    assert [9, 8, 9] == [bar.volume for bar in sink.came]


def test_a_wildcard_is_refilled_within_its_budget(
    seam: Seam, vendor: Sandbox, book: Interruptions, clock: FakeClock, sink: Kept
) -> None:
    """The busiest of those that it brought or that are held; the evidence says how many are left, and to which file.

    For a while it is heard first, so that it shows whom it brings.
    """
    seen = defaultdict(Counter, {Kind.MINUTES: Counter({"AAPL": 9, "MSFT": 8, "AMZN": 7, "NVDA": 1})})

    seam.hear(lost("AM.*", "T.*"))
    assert 0 == seam.make_good(seen, never)
    clock.advance(180)
    assert 1 == seam.make_good(seen, never)

    assert truth(vendor, "AAPL", "MSFT") == told(sink)
    (closed,) = book.find()
    assert {"beyond 2 calls": 3} == closed.evidence["left"]
    assert "the flat files of 2026-03-02" == closed.evidence["left_to"]
    assert ["trades"] == closed.evidence["not_refilled"]


def test_a_burst_of_interruptions_is_refilled_as_one(
    seam: Seam, vendor: Sandbox, book: Interruptions, clock: FakeClock, sink: Kept
) -> None:
    """Each bar is asked for once and the sinks are waited for once; each interruption has evidence of its own."""
    starts = [BEGAN + number * 2 * MINUTE for number in range(4)]
    for number, began in enumerate(starts):
        seam.hear(lost(*["AM.AAPL", "AM.MSFT"][: 1 + number % 2], began=began, ended=began + MINUTE))
    far = BEGAN - timedelta(hours=2)
    seam.hear(lost("AM.AAPL", began=far, ended=far + MINUTE))
    clock.advance(60)
    asked, flushes = len(vendor.requests), sink.flushes

    assert 5 == seam.make_good({}, never)

    assert 3 == len(vendor.requests) - asked
    assert sink.flushes - flushes < 5
    expected = truth(vendor, "AAPL", ended=starts[-1] + MINUTE) | truth(vendor, "AAPL", began=far, ended=far + MINUTE)
    assert expected | truth(vendor, "MSFT", began=starts[1], ended=starts[-1] + MINUTE) == told(sink)
    *near, last = reversed(book.find())
    for number, (noted, began) in enumerate(zip(near, starts, strict=True)):
        names = ["AAPL", "MSFT"][: 1 + number % 2]
        bars = len(truth(vendor, *names, began=began, ended=began + MINUTE))
        others = [each.id for each in near if each.id != noted.id]
        assert {"calls": 2, "symbols": len(names), "bars": bars, "together_with": others} == noted.evidence
    assert {"calls", "symbols", "bars"} == last.evidence.keys()


def test_seconds_are_asked_only_of_whom_minutes_show(
    seam_within: Callable[[int], Seam], vendor: Sandbox, book: Interruptions, sink: Kept
) -> None:
    """A symbol of a wildcard that has no minute in all that time has no second; who has one has all of them."""
    early, ended = BEGAN.replace(hour=9), BEGAN.replace(hour=9, minute=40)
    seam = seam_within(4)
    seam.hear(lost("AM.*", "A.*", began=early, ended=ended))
    asked = len(vendor.requests)
    assert 1 == seam.make_good({Kind.SECONDS: Counter({"MSFT": 2, "AAPL": 1})}, never)

    paths = [each.path.split("/") for each in vendor.requests[asked:] if "/range/" in each.path]
    assert [("AAPL", "minute"), ("MSFT", "minute"), ("MSFT", "second")] == sorted((p[4], p[7]) for p in paths)
    rows = vendor.market.second_bars(AssetClass.STOCKS, early - OVERLAP, ended)
    expected = set(rows.filter(pl.col("ticker") == "MSFT")["window_start"])
    seconds = [bar for bar in sink.came if isinstance(bar, BarMessage) and bar.timeframe == "1s"]
    assert expected
    assert expected == {datetime.fromtimestamp(bar.timestamp / 1000, UTC) for bar in seconds}
    assert [] == book.open()


def test_without_the_vendor_an_interruption_stays_open_and_is_tried_again(
    seam: Seam, vendor: Sandbox, book: Interruptions, clock: FakeClock
) -> None:
    """It says why; after a while the same question is asked anew."""
    seam.hear(lost("AM.AAPL"))
    vendor.stop()
    try:
        assert 0 == seam.make_good({}, never)
        (still,) = book.open()
        assert still.error
    finally:
        vendor.start()

    assert 0 == seam.make_good({}, never)
    clock.advance(60)
    assert 1 == seam.make_good({}, never)
    assert [] == book.open()


def test_a_lake_that_cannot_be_read_ends_no_stream(book: Interruptions, clock: FakeClock) -> None:
    """Whose bars it has is asked again later; until then the interruption is open, and says why."""
    answers: list[Exception | None] = [LakeError("a file is damaged"), None]

    def held(*_: object) -> list[str]:
        if error := answers.pop(0):
            raise error
        return []

    seam = Seam(Cluster.STOCKS, book, Refill(None, clock, 2, timedelta(), held), [], clock)
    seam.hear(lost("AM.*"))
    clock.advance(180)
    assert 0 == seam.make_good({}, never)
    assert ["a file is damaged"] == [noted.error for noted in book.open()]
    clock.advance(60)
    assert 1 == seam.make_good({}, never)


def test_a_clock_that_is_set_back_does_not_keep_it_from_being_tried(
    ledger: Ledger, book: Interruptions, clock: FakeClock, sink: Kept
) -> None:
    """The wait after a failure is over then, rather than longer by as much."""
    answers = [
        as_json({"status": "ERROR", "error": "Unknown API Key"}, 401),
        page_of(BEGAN.replace(minute=25, second=0)),
    ]
    with answering(lambda *_: iter(answers), ledger, clock, sink) as (seam, _):
        seam.hear(lost("AM.AAPL"))
        assert 0 == seam.make_good({}, never)
        clock.advance(-2)
        assert 1 == seam.make_good({}, never)


@pytest.mark.parametrize("helps", ["another symbol", "another interruption"])
def test_an_answer_that_stays_wrong_keeps_nothing_else_from_being_made_good(
    ledger: Ledger, book: Interruptions, clock: FakeClock, sink: Kept, helps: str
) -> None:
    """Of a symbol that the vendor tells nonsense of nothing comes, and it says so; others' bars come all the same.

    Where nobody's answer can be used the interruption stays open: then it need not be the symbol.
    """
    start = BEGAN.replace(minute=25, second=0)

    def reply(asked: Asked) -> Answer:
        return page_of(start) if "/AAPL/" in asked.path else as_json({"status": "OK", "ticker": "ZZZ"})

    with answering(lambda *_: iter(()), ledger, clock, sink) as (seam, server):
        server.reply = reply
        if helps == "another symbol":
            seam.hear(lost("AM.AAPL", "AM.MSFT"))
        else:
            early = BEGAN - timedelta(hours=2)
            seam.hear(lost("AM.MSFT", began=early, ended=early + MINUTE))
            seam.hear(lost("AM.AAPL"))
        assert 1 == seam.make_good({}, never)

    assert ["AAPL"] == [bar.symbol for bar in sink.came]
    words = [*book.find()[0].evidence.get("left", ())] + [noted.error for noted in book.open()]
    assert 1 == len(words)
    assert "ZZZ" in words[0]


def test_what_a_dead_process_left_open_is_ended_by_the_next(
    seam: Seam, vendor: Sandbox, book: Interruptions, clock: FakeClock, sink: Kept
) -> None:
    """Its own downtime begins where the last one had heard everything; both are over when the next one listens."""
    book.begin(lost("AM.AAPL", ended=None))

    seam.down(BEGAN + MINUTE, [Subscription("AM", "MSFT")])
    assert [None, None] == [noted.interruption.ended for noted in book.open()]
    seam.listening(ENDED)
    assert 2 == seam.make_good({}, never)

    assert truth(vendor, "AAPL") <= told(sink)
    assert [Cause.STOPPED, Cause.CLOSED] == [noted.interruption.cause for noted in book.find()]
    assert [ENDED, ENDED] == [noted.interruption.ended for noted in book.find()]


def test_a_refill_that_is_stopped_leaves_the_interruption_open(seam: Seam, book: Interruptions) -> None:
    """Nothing is said to be made good that was not."""
    seam.hear(lost("AM.AAPL"))

    assert 0 == seam.make_good({}, lambda: True)
    assert [None] == [noted.closed_at for noted in book.open()]
