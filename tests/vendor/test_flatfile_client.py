"""The flat-file client against a small bucket: listings, revisions, whole and broken transfers, refusals."""

from __future__ import annotations

import re
import threading
import traceback
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from forebay.errors import (
    BadRequest,
    FileNotFound,
    ForebayError,
    NotEntitled,
    RevisionChanged,
    UsageError,
    VendorUnavailable,
    WrongKey,
)
from forebay.model.catalogue import DATASETS
from forebay.model.partition import Revision
from forebay.testing import FakeClock
from forebay.vendor.bucket import BucketTimeouts
from forebay.vendor.flatfiles import FlatFiles
from scripted import Answer, Asked, ScriptedServer

MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
DAY = date(2024, 3, 7)
KEY = MINUTES.key(DAY)
BODY = bytes(range(256)) * 40
PART = 1000
WRITTEN = datetime(2024, 3, 8, 2, 14, 5, tzinfo=UTC)


@dataclass
class SmallBucket:
    """Answers as S3 does: listings in pages, ranges, If-Match."""

    objects: dict[str, bytes] = field(default_factory=dict)
    etag: str = "abc-3"
    page: int = 1000

    def __call__(self, asked: Asked) -> Answer:
        url = urlsplit(asked.path)
        if "list-type" in url.query:
            return self._list({name: values[0] for name, values in parse_qs(url.query).items()})
        body = self.objects.get(unquote(url.path).removeprefix("/flatfiles/"))
        if body is None:
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if asked.headers.get("if-match", f'"{self.etag}"') != f'"{self.etag}"':
            return Answer(412)
        marks = {"ETag": f'"{self.etag}"', "Last-Modified": "Fri, 08 Mar 2024 02:14:05 GMT"}
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
        if found is None:
            return Answer(200, body, marks)
        start, end = int(found[1]), min(int(found[2]), len(body) - 1)
        return Answer(206, body[start : end + 1], marks | {"Content-Range": f"bytes {start}-{end}/{len(body)}"})

    def _list(self, query: dict[str, str]) -> Answer:
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = sorted(key for key in self.objects if key.startswith(query["prefix"]) and key > after)
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2024-03-08T02:14:05.123Z</LastModified>"
            f"<ETag>&quot;{self.etag}&quot;</ETag><Size>{len(self.objects[key])}</Size></Contents>"
            for key in keys[: self.page]
        )
        more = f"<NextContinuationToken>{keys[self.page - 1]}</NextContinuationToken>" if keys[self.page :] else ""
        cut = str(bool(more)).lower()
        head = f"<Name>flatfiles</Name><IsTruncated>{cut}</IsTruncated>"
        return Answer(200, f"<ListBucketResult>{head}{more}{rows}</ListBucketResult>".encode())


def revision(body: bytes = BODY, etag: str = "abc-3") -> Revision:
    return Revision(etag, len(body), WRITTEN)


@pytest.fixture
def bucket(server: ScriptedServer) -> SmallBucket:
    small = SmallBucket({KEY: BODY})
    server.reply = small
    return small


@pytest.fixture
def files(server: ScriptedServer, clock: FakeClock) -> FlatFiles:
    return FlatFiles(server.url, "the-id", "the-secret", clock, part_bytes=PART, jitter=lambda: 0.0)


def test_a_listing_tells_days_and_revisions(server: ScriptedServer, bucket: SmallBucket, files: FlatFiles) -> None:
    """Both ends included, sorted, older keys never sent, unknown ones counted; one request under the month."""
    days = [date(2024, 3, 1) + timedelta(days=offset) for offset in range(20)]
    bucket.objects = {MINUTES.key(day): b"x" * day.day for day in days}
    bucket.objects |= {f"{MINUTES.name}/2024/03/{odd}": b"" for odd in ("2024-03-05.csv", "2024-04-05.csv.gz")}

    listing = files.list(MINUTES, date(2024, 3, 5), date(2024, 3, 7))

    assert [file.day.day for file in listing] == [5, 6, 7]
    assert listing.files[0].key == MINUTES.key(date(2024, 3, 5))
    assert listing.files[0].revision == Revision("abc-3", 5, WRITTEN)
    assert listing.unknown_keys == 2
    (asked,) = server.asked
    assert "prefix=us_stocks_sip%2Fminute_aggs_v1%2F2024%2F03%2F" in asked.path
    assert "2024-03-04" in asked.path


def test_years_are_listed_page_by_page(server: ScriptedServer, bucket: SmallBucket, files: FlatFiles) -> None:
    """A thousand keys a request, over the ends of years, each day once."""
    days = [date(2020, 1, 1) + timedelta(days=offset) for offset in range(1553)]
    bucket.objects = {MINUTES.key(day): b"x" for day in days}

    listing = files.list(MINUTES, date(2019, 1, 1), date(2024, 4, 1))

    assert [file.day for file in listing] == days
    assert len(server.asked) == 2


def test_a_page_that_fails_is_asked_again_from_its_place(
    server: ScriptedServer, bucket: SmallBucket, files: FlatFiles
) -> None:
    """A 503 in the middle of a long listing repeats that page only."""
    days = [date(2020, 1, 1) + timedelta(days=offset) for offset in range(1100)]
    bucket.objects = {MINUTES.key(day): b"x" for day in days}
    seen = iter(range(100))
    server.reply = lambda asked: Answer(503, b"<Code>SlowDown</Code>") if next(seen) == 1 else bucket(asked)

    assert len(files.list(MINUTES, days[0], days[-1])) == 1100
    assert len(server.asked) == 3


def test_servers_with_small_pages_are_walked_to_the_end(bucket: SmallBucket, files: FlatFiles) -> None:
    """A server that sends fewer keys than asked loses none."""
    days = [date(2024, 1, 1) + timedelta(days=offset) for offset in range(30)]
    bucket.objects, bucket.page = {MINUTES.key(day): b"x" for day in days}, 7

    assert [file.day for file in files.list(MINUTES, days[0], days[-1])] == days


@pytest.mark.usefixtures("bucket")
def test_head_and_listing_agree(files: FlatFiles) -> None:
    """One state of a file has one revision, however it was asked: quotes and milliseconds do not differ."""
    assert files.head(KEY) == next(iter(files.list(MINUTES, DAY, DAY))).revision == revision()


@pytest.mark.usefixtures("bucket")
def test_requests_are_signed_with_the_given_keys_only(
    server: ScriptedServer, clock: FakeClock, native_environment: pytest.MonkeyPatch
) -> None:
    """AWS_* variables, which are the destination's, and proxies change neither host, signature nor headers."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "OTHER", "AWS_SECRET_ACCESS_KEY": "OTHER", "AWS_SESSION_TOKEN": "OTHER",
        "AWS_SKIP_SIGNATURE": "true", "AWS_REGION": "eu-central-1", "AWS_BUCKET": "other", "AWS_S3_EXPRESS": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true", "AWS_REQUEST_PAYER": "true",
        "AWS_SERVER_SIDE_ENCRYPTION": "sse-c", "AWS_SSE_CUSTOMER_KEY_BASE64": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
        "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
    }.items():  # fmt: skip
        native_environment.setenv(name, value)
    files = FlatFiles(server.url, "the-id", "the-secret", clock)

    files.head(KEY)

    (asked,) = server.asked
    assert asked.path == f"/flatfiles/{KEY}"
    assert "Credential=the-id/" in asked.headers["authorization"]
    assert "/us-east-1/s3/aws4_request" in asked.headers["authorization"]
    assert {name for name in asked.headers if name.startswith("x-amz-")} == {"x-amz-date", "x-amz-content-sha256"}


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 7 * PART + 3])
def test_a_file_comes_whole_and_in_order(
    server: ScriptedServer, bucket: SmallBucket, files: FlatFiles, size: int
) -> None:
    """Whatever its size, every byte once, in chunks of at most a part, each asked for with If-Match."""
    bucket.objects[KEY] = BODY[:size]

    chunks = list(files.open(KEY, revision(BODY[:size])))

    assert b"".join(chunks) == BODY[:size]
    assert max(map(len, chunks), default=0) <= PART
    assert {asked.headers["if-match"] for asked in server.asked} <= {'"abc-3"'}


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("start", [0, 1, PART, len(BODY) - 1, len(BODY)])
def test_a_file_can_be_read_from_any_byte_on(server: ScriptedServer, files: FlatFiles, start: int) -> None:
    """Only what is missing is asked for."""
    assert BODY[start:] == b"".join(files.open(KEY, revision(), start))
    assert -(-(len(BODY) - start) // PART) == len(server.asked)


@pytest.mark.usefixtures("bucket")
def test_reading_ahead_is_bounded(server: ScriptedServer, files: FlatFiles) -> None:
    """A reader that stops after one chunk has four parts read ahead at most, and none after it closed."""
    with files.open(KEY, revision()) as stream:
        next(stream)

    assert 1 <= len(server.asked) <= 5


def test_a_cut_part_resumes_at_its_byte(server: ScriptedServer, bucket: SmallBucket, files: FlatFiles) -> None:
    """Connections that break resume where they broke, and the bytes are those of the file."""
    cut = {0, 3 * PART, 4 * PART}

    def reply(asked: Asked) -> Answer:
        return replace(bucket(asked), cut=400 if _start(asked) in cut else None)

    server.reply = reply

    assert b"".join(files.open(KEY, revision())) == BODY
    starts = [_start(asked) for asked in server.asked]
    assert len(starts) == 11 + 3
    assert {start for start in starts if start % PART} == {start + 400 for start in cut}


def _start(asked: Asked) -> int:
    """The first byte that was asked for."""
    return int(asked.headers["range"].split("=")[1].split("-")[0])


def test_a_part_that_never_comes_is_given_up(
    server: ScriptedServer, bucket: SmallBucket, files: FlatFiles, clock: FakeClock
) -> None:
    """Attempts without a byte are few, with growing waits; then the task is told which file."""
    bucket.objects[KEY] = BODY[:PART]
    server.reply = lambda asked: replace(bucket(asked), cut=0)

    with pytest.raises(VendorUnavailable, match=KEY):
        next(files.open(KEY, revision(BODY[:PART])))

    assert len(server.asked) == 4
    assert clock.slept == [0.25, 0.5, 1.0]


def test_a_stall_is_cut_and_resumed(server: ScriptedServer, bucket: SmallBucket, clock: FakeClock) -> None:
    """A server that goes silent is left after the read deadline and asked again."""
    files = FlatFiles(server.url, "the-id", "the-secret", clock, timeouts=BucketTimeouts(read=0.5))
    release = threading.Event()
    stalls = iter([True])

    def reply(asked: Asked) -> Answer:
        if next(stalls, False):
            release.wait(10)
        return bucket(asked)

    server.reply = reply

    assert b"".join(files.open(KEY, revision())) == BODY
    release.set()


def test_a_file_replaced_while_it_is_read_is_not_mixed(bucket: SmallBucket, files: FlatFiles) -> None:
    """A new revision between two parts ends the stream with RevisionChanged."""
    stream = files.open(KEY, revision())
    next(stream)
    bucket.objects[KEY], bucket.etag = BODY[::-1], "def"

    with pytest.raises(RevisionChanged, match=KEY):
        list(stream)


@pytest.mark.parametrize("listed", [revision(etag="old"), revision(BODY[:-1])], ids=["etag", "size"])
def test_a_server_that_ignores_if_match_is_found_out(
    server: ScriptedServer, bucket: SmallBucket, files: FlatFiles, listed: Revision
) -> None:
    """ETag and size of every answer are compared with the revision that was listed."""
    server.reply = lambda asked: bucket(Asked(asked.method, asked.path, {"range": asked.headers["range"]}))

    with pytest.raises(RevisionChanged, match="not the file that was listed"):
        next(files.open(KEY, listed))


REFUSALS = [
    (403, "", NotEntitled, "your plan does not include us_stocks_sip/minute_aggs_v1 for 2024-03-07"),
    (403, "AccessDenied", NotEntitled, "your plan does not include us_stocks_sip/minute_aggs_v1 for 2024-03-07"),
    (403, "InvalidAccessKeyId", WrongKey, "403 InvalidAccessKeyId"),
    (403, "SignatureDoesNotMatch", WrongKey, "403 SignatureDoesNotMatch"),
    (403, "RequestTimeTooSkewed", WrongKey, "403 RequestTimeTooSkewed"),
    (401, "", WrongKey, "answered 401"),
    (404, "NoSuchKey", FileNotFound, "has no us_stocks_sip"),
    (416, "InvalidRange", RevisionChanged, "replaced"),
    (400, "InvalidRequest", BadRequest, "400 InvalidRequest"),
]


@pytest.mark.parametrize(("status", "code", "error", "words"), REFUSALS)
def test_refusals_are_raised_at_once(
    server: ScriptedServer, files: FlatFiles, status: int, code: str, error: type[ForebayError], words: str
) -> None:
    """Each refusal has its error, key and next step, and nothing of the keys, in the cause either."""
    body = f"<Error><Code>{code}</Code><AWSAccessKeyId>the-id</AWSAccessKeyId></Error>" if code else ""
    server.reply = lambda _: Answer(status, body.encode())

    with pytest.raises(error, match=words) as caught:
        next(files.open(KEY, revision(BODY[:PART])))

    assert len(server.asked) == 1
    assert caught.value.remedy
    shown = "".join(traceback.format_exception(caught.value))
    assert "the-id" not in shown
    assert "the-secret" not in shown
    assert str(status) in str(caught.value.__cause__)


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (429, "")])
def test_a_busy_vendor_is_asked_again(
    server: ScriptedServer, bucket: SmallBucket, files: FlatFiles, clock: FakeClock, status: int, code: str
) -> None:
    """Temporary refusals pass unseen if they pass, and are VendorUnavailable if they do not."""
    busy = Answer(status, f"<Error><Code>{code}</Code></Error>".encode())
    server.in_turn(busy, busy, bucket(Asked("HEAD", f"/flatfiles/{KEY}", {})))
    assert files.head(KEY) == revision()

    server.reply = lambda _: busy
    with pytest.raises(VendorUnavailable, match=str(status)):
        files.list(MINUTES, DAY, DAY)
    assert clock.slept == [0.25, 0.5, 0.25, 0.5, 1.0]


def test_a_refused_listing_means_the_keys(server: ScriptedServer, files: FlatFiles) -> None:
    """Every key may list everything, so a bare 403 to a listing is no question of the plan."""
    server.reply = lambda _: Answer(403)

    with pytest.raises(WrongKey, match="403") as caught:
        files.list(MINUTES, DAY, DAY)

    assert "POLYGON_S3_ACCESS_KEY_ID" in caught.value.remedy


def test_no_server_is_named_with_a_next_step(server: ScriptedServer, files: FlatFiles) -> None:
    """A refused connection points to the network and the setting."""
    server.close()
    with pytest.raises(VendorUnavailable, match=KEY) as caught:
        files.head(KEY)

    assert "FOREBAY_FLATFILES_URL" in caught.value.remedy


def test_an_empty_key_is_the_users_mistake(clock: FakeClock) -> None:
    """Without keys nothing is asked, and no other source of keys is tried."""
    with pytest.raises(UsageError, match="flat files is empty"):
        FlatFiles("http://localhost:1", "", "the-secret", clock)
