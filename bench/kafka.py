"""Bars to a real broker: the sink, which encodes, addresses and bounds, beside a bare confluent-kafka loop.

The loop sends the same bytes to the same topics with the same guarantees, once with the bytes given and once encoding
them as it goes. Each in turn on a broker of its own, in another order each time.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import structlog
from confluent_kafka import Producer

from forebay.model.instrument import AssetClass
from forebay.model.message import BarMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.settings import load
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.codec import encode
from forebay.sinks.kafka.sink import KafkaSink
from forebay.sinks.kafka.topics import Addresses, Topics

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from kafka_server import tansu

TARGET = 0.8
ROUNDS = 5
WAYS = {"channel": (5000, 40), "symbol": (200, 1000)}
"""KAFKA_TOPICS to tickers, and bars of each: minutes of a market, and of a registry."""
SECONDS, TICK = 20, 0.01
"""How long latency is measured, and how often a frame comes then."""
_AT_ONCE = 1000
"""Messages in a call of the sink."""

Bars = list[BarMessage]
Run = Callable[[], None]
Spent = tuple[float, float]
"""Seconds on the clock, and of this process's threads."""


def run() -> dict[str, object]:
    """For each way of making topics: messages a second, by the clock and by processor time; medians."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    results: dict[str, object] = {"target": TARGET, "rounds": ROUNDS}
    for way, (tickers, bars) in WAYS.items():
        messages = _messages(tickers, bars)
        firsts = messages[: tickers if way == "symbol" else 1]
        spent: dict[str, list[Spent]] = {name: [] for name in SENDERS}
        for number in range(ROUNDS):
            for name in [*SENDERS][:: -1 if number % 2 else 1]:
                spent[name].append(_spent(SENDERS[name], way, messages, firsts))
        results[way] = {"messages": len(messages)} | _said(len(messages), spent)
        if way == "channel":
            number = len(messages) / median(clock for clock, _ in spent["sink"]) / 2
            results["from send to acknowledgement at half of that rate"] = _latency(messages, number)
    return results


def _messages(tickers: int, bars: int) -> Bars:
    """A minute of every ticker after the other, as a market sends them."""
    names = [f"T{number:04}" for number in range(tickers)]
    return [
        BarMessage(
            name, AssetClass.STOCKS, "1m", 1_767_364_200_000 + 60_000 * minute,
            243.1 + minute / 100, 243.57, 242.93, 243.5, 1843.0, 243.2184, None, Source.STREAM, Phase.STREAM,
        )
        for minute in range(bars) for name in names
    ]  # fmt: skip


def _spent(sender: Callable[[KafkaSettings, Bars, Bars], Run], way: str, messages: Bars, firsts: Bars) -> Spent:
    with tansu() as broker:
        given = {"BOOTSTRAP_SERVERS": broker.address, "TOPICS": way, "PARTITIONS": 2}
        send = sender(
            load(environ={f"KAFKA_{name}": str(value) for name, value in given.items()}).kafka, messages, firsts
        )
        clock, work = time.perf_counter(), time.process_time()
        send()
        return time.perf_counter() - clock, time.process_time() - work


def _latency(messages: Bars, a_second: float) -> dict[str, object]:
    """Milliseconds, in either half of the time: what comes in a tick is sent together."""
    waits: list[float] = []
    with tansu() as broker:
        sink = KafkaSink(load(environ={"KAFKA_BOOTSTRAP_SERVERS": broker.address, "KAFKA_TOPICS": "channel"}).kafka)
        sink.send(messages[:1])
        sink.flush(60)
        size, began, sent = round(a_second * TICK), time.perf_counter(), 0
        under_way: deque[tuple[int, float]] = deque()
        while (now := time.perf_counter() - began) < SECONDS or under_way:
            due = sent * TICK
            late = now < SECONDS and now >= due
            sink.send([messages[(sent * size + number) % len(messages)] for number in range(size)] if late else [])
            if late:
                sent += 1
                under_way.append((sink.sent, due))  # not when it was sent, but when it should have been
            while under_way and under_way[0][0] <= sink.sent - sink.waiting:
                waits.append(time.perf_counter() - began - under_way.popleft()[1])
            time.sleep(0.0005)
    half = len(waits) // 2
    return {"messages_a_second": round(a_second), "seconds": SECONDS} | {
        name: {"p50": _millis(part, 0.5), "p99": _millis(part, 0.99)}
        for name, part in (("first half", waits[:half]), ("second half", waits[half:]))
    }


def _millis(waits: list[float], part: float) -> float:
    return round(sorted(waits)[int(len(waits) * part)] * 1000, 1)


def _sink(settings: KafkaSettings, messages: Bars, firsts: Bars) -> Run:
    sink = KafkaSink(settings)
    sink.send(firsts)

    def send() -> None:
        for first in range(0, len(messages), _AT_ONCE):
            sink.send(messages[first : first + _AT_ONCE])
        sink.flush(60)

    return send


def _given(settings: KafkaSettings, messages: Bars, firsts: Bars) -> Run:
    topics = Topics(settings.prefix, by_symbol=settings.topics == "symbol")
    made = [(topics.of(message), encode(message), message.symbol.encode()) for message in messages]
    return _loop(settings, firsts, lambda: made)


def _encoding(settings: KafkaSettings, messages: Bars, firsts: Bars) -> Run:
    topic = Addresses(Topics(settings.prefix, by_symbol=settings.topics == "symbol")).of
    return _loop(settings, firsts, lambda: ((topic(each), encode(each), each.symbol.encode()) for each in messages))


def _loop(settings: KafkaSettings, firsts: Bars, rows: Callable[[], Iterable[tuple[str, bytes, bytes]]]) -> Run:
    """What the library's own manual shows. Topics are made before, as for the sink."""
    sink = KafkaSink(settings)
    sink.send(firsts)
    sink.close()
    same = {"acks": "all", "enable.idempotence": True, "compression.type": settings.compression}
    producer = Producer({"bootstrap.servers": settings.require_servers(), "log_level": 0, **same})

    def send() -> None:
        for number, (topic, value, key) in enumerate(rows()):
            while True:
                try:
                    producer.produce(topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.05)
            if number % _AT_ONCE == 0:
                producer.poll(0)
        assert producer.flush(60) == 0

    return send


SENDERS = {"sink": _sink, "loop": _given, "loop that encodes": _encoding}


def _said(number: int, spent: dict[str, list[Spent]]) -> dict[str, object]:
    middle = {name: tuple(median(side) for side in zip(*rounds, strict=True)) for name, rounds in spent.items()}
    figures: dict[str, object] = {
        name: {"messages_a_second": round(number / clock), "messages_a_cpu_second": round(number / work)}
        for name, (clock, work) in middle.items()
    }
    for name in ("loop", "loop that encodes"):
        (clock, work), (own_clock, own_work) = middle[name], middle["sink"]
        figures[f"of the {name}'s rate"] = round(clock / own_clock, 2)
        figures[f"of the {name}'s rate a CPU second"] = round(work / own_work, 2)
    return figures
