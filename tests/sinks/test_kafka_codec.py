"""Messages as JSON and back, and the examples of docs/kafka.md."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from forebay.errors import CheckFailed
from forebay.model.instrument import AssetClass
from forebay.model.message import BarMessage, QuoteMessage, SnapshotMessage, TradeMessage, ValueMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.sinks.kafka.codec import decode, encode

MANUAL = (Path(__file__).parents[2] / "docs" / "kafka.md").read_text()
EXAMPLES = re.findall(r"### (\w+)\n\n```json\n(.+)\n```", MANUAL)
KINDS = {
    "bar": BarMessage,
    "trade": TradeMessage,
    "quote": QuoteMessage,
    "value": ValueMessage,
    "snapshot": SnapshotMessage,
}

BAR = BarMessage(
    symbol="NA",
    asset_class=AssetClass.STOCKS,
    timeframe="1m",
    timestamp=1_767_364_200_000,
    open=0.1,
    high=0.30000000000000004,
    low=1e-7,
    close=0.2,
    volume=None,
    vwap=None,
    transactions=None,
    source=Source.STREAM,
    phase=Phase.STREAM,
)


@pytest.mark.parametrize(("kind", "text"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_the_manuals_examples_are_what_is_sent(kind, text):
    """Each example of docs/kafka.md is read as its kind, and written again byte for byte."""
    message = decode(text.encode())
    assert KINDS[kind] is type(message)
    assert text == encode(message).decode()


def test_the_manual_has_an_example_of_each_kind():
    """No kind of message is without an example."""
    assert list(KINDS) == [kind for kind, _ in EXAMPLES]


@pytest.mark.parametrize("kind", KINDS)
def test_the_manual_explains_each_field(kind):
    """Every field of a message stands in a table of docs/kafka.md: of any message, or of its kind."""
    common = MANUAL.partition("Of any message:")[2].partition("###")[0]
    own = MANUAL.partition(f"### {kind}\n")[2].partition("\n##")[0]
    explained = set(
        re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in (common + own).splitlines() if "|" in line))
    )
    fields = {field.encode_name for field in msgspec.structs.fields(KINDS[kind])}
    assert set() == fields - explained


def test_a_bar_comes_back_as_it_was():
    """Every digit of a double survives, what is not known stays null, and the ticker NA is a string."""
    assert decode(encode(BAR)) == BAR
    assert json.loads(encode(BAR))["symbol"] == "NA"


def test_a_field_of_a_later_program_is_passed_over():
    """A field that is not known is no reason to refuse a message of a known version."""
    later = json.loads(encode(BAR)) | {"otc": True}
    assert decode(json.dumps(later).encode()) == BAR


TEXT = encode(BAR).decode()
POISON = {
    "no JSON": ("\x00\x01", "not a message of Forebay"),
    "empty": ("", "not a message of Forebay"),
    "cut short": (TEXT[:-9], "not a message of Forebay"),
    "another kind": ('{"kind":"news","version":1}', "not a message of Forebay: Invalid value 'news'"),
    "a price as text": (TEXT.replace('"open":0.1', '"open":"0.1"'), r"Expected `float`, got `str` - at `\$.open`"),
    "no price": (TEXT.replace('"open":0.1', '"open":null'), r"at `\$.open`"),
    "too large a number": (TEXT.replace('"open":0.1', '"open":1e999'), "out of range"),
    "version 2": (TEXT.replace('"version":1', '"version":2'), "version 2; this program knows version 1"),
    "version 2 of another form": ('{"kind":"bar","sym":"A","version":2}', "a message of version 2"),
}


@pytest.mark.parametrize(("data", "why"), POISON.values(), ids=POISON)
def test_what_is_no_message_is_refused_with_the_reason(data, why):
    """Poison raises CheckFailed, which says what is wrong and what to look at."""
    with pytest.raises(CheckFailed, match=why) as caught:
        decode(data.encode())
    assert "who writes to the topic" in caught.value.remedy
