"""Kafka into the database, over a real broker: nothing lost, nothing twice, whatever is killed or away."""

import json
import signal
from pipes import Pipe, small_disk, until

import pytest
from made import ROWS, bar
from postgres_server import create_database, postgres_server

from forebay.app.consuming import open_consumer, told
from forebay.clock import SystemClock
from forebay.failpoints import POINTS
from forebay.ledger import Ledger
from forebay.ledger.consumers import Consumers
from forebay.model.place import Move, Place
from forebay.orchestration.consume.batch import sort_out
from forebay.settings import TimescaleSettings, load
from forebay.sinks.kafka.codec import decode, encode
from forebay.sinks.kafka.reader import Stretch

STEPS = [(point, point == "consume.staged") for point in POINTS if point.startswith("consume.")]
"""Each step, and whether the table is to have rows of the batch for it to be reached."""


@pytest.fixture
def pipe(kafka, database, tmp_path):
    return Pipe(kafka, database, tmp_path)


def test_every_bar_is_stored_once(pipe, sql):
    """All topics of ours are read to their end; a second run finds nothing, and positions set back change nothing."""
    pipe.create("AAPL", "BRK.B", "stocks-bars-1m", partitions=2)
    pipe.send(range(200), "AAPL", "BRK.B")
    pipe.send(range(100, 300), "stocks-bars-1m")
    done = pipe.consume()
    assert (600, 600, 600, 0, 3, 6, 0) == (
        done.messages, done.bars, done.stored, done.dead_letters, done.topics, done.places, done.lag,
    )  # fmt: skip
    assert pipe.rows == sql(ROWS)
    assert 0 == pipe.consume().messages
    sql("UPDATE forebay_positions SET next_offset = 0")
    again = pipe.consume()
    assert (600, 0) == (again.messages, again.stored)
    assert pipe.rows == sql(ROWS)


def test_what_cannot_be_used_is_kept_with_its_reason(pipe, sql):
    """Poison goes to the topic of dead letters with reason, topic, partition and offset; its neighbours are stored."""
    pipe.create("AAPL")
    good = encode(bar())
    spoiled = {
        b'"version":1': b'"version":9',
        b'"low":8.0': b'"low":99.0',
        b"AAPL": b"A\\u0000",
        b'"1m"': b'"7m"',
        b'"source":"stream"': b'"source":"lake"',
    }
    poison = [b"\xff\x00 no JSON", None, *(good.replace(old, new) for old, new in spoiled.items())]
    reasons = [
        "not a message",
        "empty",
        "version 9",
        "finite and between low and high",
        "symbol is none",
        "'7m'",
        "source is none",
    ]
    pipe.put("AAPL", *poison[:3])
    pipe.send(range(2), "AAPL")
    pipe.put("AAPL", *poison[3:])
    done = pipe.consume()
    assert (9, 2, 7) == (done.messages, done.stored, done.dead_letters)
    assert pipe.rows == sql(ROWS)
    letters = pipe.broker.read(f"{pipe.prefix}.dead-letters")
    assert [value or b"" for value in poison] == [letter.value() or b"" for letter in letters]
    told = [{name: value.decode() for name, value in letter.headers()} for letter in letters]
    assert [0, 1, 2, 5, 6, 7, 8] == [int(each["offset"]) for each in told]
    assert {(pipe.topic("AAPL"), "0")} == {(each["topic"], each["partition"]) for each in told}
    assert [] == [(why, each["reason"]) for why, each in zip(reasons, told, strict=True) if why not in each["reason"]]
    assert 0 == pipe.consume().dead_letters


@pytest.mark.parametrize(("step", "rows_there"), [*STEPS, ("consume.stored", True)])
def test_killed_at_any_step_it_goes_on_where_it_stood(pipe, store, sql, step, rows_there):
    """A consumer dies at a step of its second batch; after the next one all is as if it had not."""
    if rows_there:
        store.write([bar(name, minute) for name in ("AAPL", "MSFT") for minute in range(0, 110, 10)])
    pipe.create("AAPL", "MSFT")
    pipe.send(range(110), "AAPL", "MSFT")
    pipe.put("MSFT", b"poison")
    died = pipe.command(FOREBAY_FAILPOINT=f"{step}:2")
    assert -signal.SIGKILL == died.returncode, died.stderr
    held = sql("SELECT coalesce(sum(next_offset), 0)::int FROM forebay_positions")[0][0]
    rest = pipe.consume()
    assert 221 - held == rest.messages
    assert pipe.rows == sql(ROWS)
    assert [(110,), (111,)] == sql("SELECT next_offset FROM forebay_positions ORDER BY 1")
    letters = {letter.key() for letter in pipe.broker.read(f"{pipe.prefix}.dead-letters")}
    assert {f"{pipe.topic('MSFT')}/0/110".encode()} == letters


def test_three_consumers_share_the_work_and_repeat_nothing(pipe, sql):
    """While messages come, consumers join and leave; every message is dealt with once, and none is lost."""
    pipe.create("AAPL", "MSFT", "NVDA", partitions=2)
    pipe.send(range(500), "AAPL", "MSFT", "NVDA")
    with pipe.consuming() as first:
        until(lambda: first.figures.messages >= 1000)
        with pipe.consuming() as second, pipe.consuming() as third:
            pipe.send(range(400, 900), "AAPL", "MSFT", "NVDA")
            until(lambda: second.figures.places and third.figures.places)
            pipe.send(range(900, 1200), "AAPL", "MSFT", "NVDA")
            until(lambda: first.figures.messages + second.figures.messages + third.figures.messages >= 3900)
        pipe.send(range(1200, 1300), "AAPL", "MSFT", "NVDA")
        both = second.figures.messages + third.figures.messages
        until(lambda: first.figures.messages + both >= 4200)
    assert 4200 == first.figures.messages + both
    assert [(4200,)] == sql("SELECT sum(next_offset)::int FROM forebay_positions")
    assert pipe.rows == sql(ROWS)
    assert second.figures.messages
    assert third.figures.messages


def test_a_database_that_goes_away_is_waited_for(kafka, tmp_path):
    """Stopped, killed and started again while messages come, the database has each of them once in the end."""
    with postgres_server() as server:
        create_database(str(server.folder), "bars", "template0")
        pipe = Pipe(kafka, TimescaleSettings(host=str(server.folder), database="bars", user="postgres"), tmp_path)
        pipe.create("AAPL")
        with pipe.consuming() as consumer:
            pipe.send(range(300), "AAPL")
            until(lambda: consumer.figures.messages >= 150)
            for number, end in enumerate((lambda: server.stop("fast"), server.kill), 1):
                waits = consumer.figures.waits
                end()
                pipe.send(range(300 * number, 300 * number + 300), "AAPL")
                until(lambda waits=waits: consumer.figures.waits > waits)
                server.start()
                until(lambda number=number: consumer.figures.messages >= 300 * number + 300)
        import psycopg

        with psycopg.connect(
            host=str(server.folder), dbname="bars", user="postgres", options="-c TimeZone=UTC"
        ) as held:
            assert pipe.rows == held.execute(ROWS).fetchall()


def test_new_topics_are_found_while_it_runs(pipe, sql):
    """A topic that is made later is read from its first message on."""
    pipe.create("AAPL")
    pipe.send(range(3), "AAPL")
    consumer = pipe.open(once=True)
    consumer.run()
    pipe.create("MSFT")
    pipe.send(range(3), "MSFT", "AAPL")
    consumer._looked = None
    consumer.run()
    consumer.close()
    assert pipe.rows == sql(ROWS)


def test_a_table_of_another_form_ends_it(pipe, sql):
    """It ends before it reads anything, names the table and what to do, and leaves the table alone."""
    sql("CREATE TABLE ohlcv_1m (symbol text, day date)")
    ended = pipe.command()
    assert 1 == ended.returncode
    assert "ohlcv_1m in" in ended.stderr
    assert "it has no column timestamp" in ended.stderr
    assert "next: rename it" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_command_tells_what_it_did(pipe):
    """`--json` has the figures; messages that could not be used make exit code 3."""
    pipe.create("AAPL")
    pipe.send(range(5), "AAPL")
    pipe.put("AAPL", b"poison")
    ended = pipe.command()
    assert 3 == ended.returncode, ended.stderr
    told = json.loads(ended.stdout)
    assert {"messages": 6, "stored": 5, "dead_letters": 1, "lag": 0, "missed": 0} == {
        name: told[name] for name in ("messages", "stored", "dead_letters", "lag", "missed")
    }


def test_without_kafka_it_says_which_setting_lacks(pipe):
    """No broker named is wrong usage."""
    ended = pipe.command(KAFKA_BOOTSTRAP_SERVERS="")
    assert 2 == ended.returncode
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in ended.stderr


def test_messages_that_expired_are_counted_and_a_topic_made_anew_is_read():
    """A jump ahead is what Kafka no longer had; a jump back is another topic of the same name, read from its start."""
    here, there = Place("one", 0), Place("two", 0)
    stands = {here: 10, there: 10}
    value = encode(bar())
    stretches = [Stretch(here, [14], [value]), Stretch(there, [0, 1], [value, value])]
    batch = sort_out(stretches, decode, stands)
    assert [Move(here, 10, 15), Move(there, 10, 2)] == batch.moves
    assert (4, 3) == (batch.missed, len(batch.bars))
    assert {here: 15, there: 2} == stands


def test_messages_of_places_that_were_given_away_are_left_out():
    """What still lay in the library's queue of them is not stored."""
    assert [] == sort_out([Stretch(Place("one", 0), [0], [encode(bar())])], decode, {}).moves


def test_a_full_disk_is_waited_for(kafka, server, database, sql, tmp_path):
    """When the database's disk has no room the batch is kept; once there is some, every row is there, once."""
    with small_disk(server.folder / "small", "600k") as (disk, grow):
        sql(f"CREATE TABLESPACE small LOCATION '{disk}'")
        sql(f"ALTER DATABASE {database.database} SET default_tablespace = small")
        pipe = Pipe(kafka, database, tmp_path)
        pipe.create("AAPL", "MSFT")
        pipe.send(range(2000), "AAPL", "MSFT")
        with pipe.consuming() as consumer:
            until(lambda: consumer.figures.waits)
            held = sql("SELECT sum(next_offset)::int FROM forebay_positions")[0][0]
            assert [(held,)] == sql("SELECT count(*)::int FROM ohlcv_1m")
            assert 0 < held < 4000
            grow("20m")
            until(lambda: consumer.figures.messages >= 4000)
        assert pipe.rows == sql(ROWS)
        consumer.store.close()
        sql(f"ALTER DATABASE {database.database} RESET default_tablespace")
        sql("DROP TABLE forebay_positions, ohlcv_1s, ohlcv_1m, ohlcv_1d CASCADE")
        sql("DROP TABLESPACE small")


def test_a_consumers_figures_are_in_the_ledger(pipe):
    """How it stands by topic, while it runs and after its end; without a ledger it stores all the same."""
    pipe.create("AAPL", "MSFT")
    pipe.send(range(50), "AAPL", "MSFT")
    pipe.put("MSFT", b"no message")
    clock = SystemClock()
    consumer = open_consumer(pipe.settings, clock, once=True)
    with told(consumer, pipe.settings, clock):
        consumer.run()
    consumer.close()

    with Ledger.open(pipe.environ["DATABASE_URL"], clock) as ledger:
        [health] = Consumers(ledger.database, clock).look()
    assert (pipe.prefix, False, 0) == (health.name, health.alive, health.lag)
    assert (101, 100, 1) == tuple(health.counts[name] for name in ("messages", "rows", "dead_letters"))
    assert {(50, 0, 0), (51, 1, 0)} == {(one.messages, one.dead_letters, one.lag) for one in health.topics.values()}
    assert {"AAPL", "MSFT"} == {name.rpartition(".")[2] for name in health.topics}
    assert health.last_stored == max(one.last_stored for one in health.topics.values())

    pipe.send(range(50, 60), "AAPL")
    away = load(environ={**pipe.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    consumer = open_consumer(away, clock, once=True)
    with told(consumer, away, clock):
        assert 10 == consumer.run().stored
    consumer.close()
