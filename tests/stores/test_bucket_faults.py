"""A bucket's refusals and failures: what passes is passed over, what does not is said with the next step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from s3_server import ABucket, a_bucket
from test_any_store import KEY, LARGE, chunks, read

from chaos_proxy import ChaosProxy, Fault, anything, as_b2_refuses, cap_reached, method, read_only_keys, writes
from forebay.errors import CapReached, ForebayError, StoreError, StoreUnavailable
from forebay.stores.ranges import PART_BYTES
from forebay.stores.s3 import S3Store

PART = method("PUT", partNumber="")
WHOLE = method("POST", uploadId="")
BEGIN = method("POST", uploads="")


def stream(store: S3Store) -> None:
    store.put_stream(KEY, chunks(), LARGE, {"revision": "abc"})


@pytest.mark.parametrize(
    "fault",
    [
        Fault(PART, 503, "SlowDown", first=2),
        Fault(PART, 500, "InternalError", times=2),
        Fault(PART, drop=True),
        Fault(PART, drop=True, heard=True),
        Fault(BEGIN, 503, "SlowDown"),
        Fault(WHOLE, 503, "SlowDown"),
    ],
)
def test_what_passes_is_passed_over(s3: S3Store, proxy: ChaosProxy, bucket: ABucket, fault: Fault) -> None:
    """A part or a step that fails once or twice is sent again; the object is whole and nothing is left over."""
    proxy.faults.append(fault)

    stream(s3)

    assert b"".join(chunks()) == bucket.read(f"vendor/files/{KEY}")
    assert [] == bucket.open_uploads()
    assert fault.seen >= fault.first


def test_an_object_that_was_damaged_on_its_way_is_taken_back_alone(
    proxy: ChaosProxy, opened: Callable[..., S3Store]
) -> None:
    """What arrives differently is removed, and the version that it replaced is the object again."""
    with a_bucket(versioned=True) as bucket:
        s3 = opened(bucket, proxy.url)
        s3.put(KEY, b"first", {})
        proxy.faults.append(Fault(method("PUT"), damage=True))

        with pytest.raises(StoreUnavailable, match="did not arrive as it was sent"):
            s3.put(KEY, b"second", {})

        assert (b"first", 1) == (bucket.read(f"vendor/files/{KEY}"), bucket.versions(f"vendor/files/{KEY}"))


@pytest.mark.parametrize("step", [PART, BEGIN, WHOLE])
def test_a_store_that_stays_away_is_given_up(
    s3: S3Store, proxy: ChaosProxy, bucket: ABucket, step: Callable[..., bool]
) -> None:
    """After a few attempts the upload fails with what to do; no object is there, and no upload stays open."""
    proxy.faults.append(Fault(step, 503, "SlowDown", times=None))

    with pytest.raises(StoreUnavailable, match="503 SlowDown") as raised:
        stream(s3)

    assert "later" in raised.value.remedy
    assert [] == bucket.keys() == bucket.open_uploads()
    assert not any(secret in str(raised.value) for secret in (bucket.key_id, bucket.secret))


def test_an_answer_that_was_lost_leaves_the_object_to_be_looked_for(
    s3: S3Store, proxy: ChaosProxy, bucket: ABucket
) -> None:
    """When completing was heard and never answered, that is said as unknown, and a look finds the object."""
    proxy.faults.append(Fault(WHOLE, drop=True, heard=True, times=None))

    with pytest.raises(StoreUnavailable):
        stream(s3)

    assert LARGE == s3.head(KEY).size
    assert [] == bucket.open_uploads()


def test_a_stall_ends(s3: S3Store, proxy: ChaosProxy) -> None:
    """A server that accepts and never answers is given up after the deadline, and asked again before that."""
    proxy.faults.append(Fault(method("HEAD"), stall=True))
    assert s3.head(KEY) is None

    proxy.faults = [Fault(anything, stall=True, times=None)]
    with pytest.raises(StoreUnavailable):
        s3.put("a", b"1", {})


def test_reading_goes_on_where_it_was_cut(s3: S3Store, proxy: ChaosProxy) -> None:
    """Connections that break while an object is read cost no byte of it, and less than a part is read again."""
    stream(s3)
    found = s3.head(KEY)
    proxy.faults += [Fault(method("GET"), cut=100_000), Fault(method("GET"), cut=10)]  # parts come in any order

    assert b"".join(chunks()) == read(s3, found)
    starts = [int(asked.headers["range"][6:].split("-")[0]) for asked in proxy.asked if asked.method == "GET"]
    assert 2 + 2 == len(starts)
    assert any(start % PART_BYTES for start in starts)


@pytest.mark.parametrize("ask", [stream, lambda s3: s3.put("a", b"1", {}), lambda s3: s3.delete("a")])
def test_a_cap_is_waited_for(s3: S3Store, proxy: ChaosProxy, ask: Callable[[S3Store], None]) -> None:
    """B2's 403 for a used up daily cap names the time at which the caps start anew: midnight UTC, and a little."""
    proxy.faults.append(cap_reached())

    with pytest.raises(CapReached) as raised:
        ask(s3)

    assert datetime(2024, 1, 3, 0, 5, tzinfo=UTC) == raised.value.until
    assert "Caps & Alerts" in raised.value.remedy


def test_a_cap_on_looking_is_no_wrong_key(s3: S3Store, proxy: ChaosProxy) -> None:
    """The answer to HEAD has no body to say why it was refused: the reason is asked for."""
    cap = cap_reached()
    proxy.faults.append(Fault(method("HEAD", "GET"), cap.status, cap.code, cap.message, times=None))

    with pytest.raises(CapReached):
        s3.head("a")


@pytest.mark.parametrize("ask", [stream, lambda s3: s3.put("a", b"1", {})])
def test_keys_that_may_not_write_are_said(s3: S3Store, proxy: ChaosProxy, ask: Callable[[S3Store], None]) -> None:
    """The bucket, the settings that hold the keys and what they must allow are named; nothing is tried again."""
    proxy.faults.append(read_only_keys())

    with pytest.raises(StoreError, match="do not allow") as raised:
        ask(s3)

    assert "store" == raised.value.kind
    assert "AWS_ACCESS_KEY_ID" in raised.value.remedy
    assert 1 == sum(map(writes, proxy.asked))


def test_a_bucket_that_does_not_exist_is_named(
    bucket: ABucket, proxy: ChaosProxy, opened: Callable[..., S3Store]
) -> None:
    """Writing to it and listing it both name it with the setting; this concerns every object, so it is no retry."""
    missing = opened(ABucket("no-such-bucket", bucket.endpoint), proxy.url)
    asks = [lambda: missing.put("a", b"1", {}), lambda: stream(missing), lambda: list(missing.list()), missing.uploads]
    for ask in asks:
        with pytest.raises(StoreError, match="no bucket no-such-bucket") as raised:
            ask()
        assert "store" == raised.value.kind
        assert "ARCHIVE_URI" in raised.value.remedy


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "InvalidAccessKeyId", "does not accept the keys"),
        (403, "SignatureDoesNotMatch", "does not accept the keys"),
        (400, "AuthorizationHeaderMalformed", "not in the region"),
        (400, "InvalidArgument", "header x-amz-tagging"),
    ],
)
def test_every_refusal_has_a_next_step(
    s3: S3Store, proxy: ChaosProxy, bucket: ABucket, status: int, code: str, said: str
) -> None:
    """Wrong keys, a wrong region and unknown headers are told apart, and keys that an answer repeats are not shown."""
    message = f"Unsupported header 'x-amz-tagging' received, {bucket.key_id}"
    proxy.faults.append(Fault(anything, status, code, message, times=None))

    for ask in (lambda: s3.put("a", b"1", {}), s3.uploads):
        with pytest.raises(StoreError, match=said) as raised:
            ask()
        error: BaseException | None = raised.value
        assert raised.value.remedy
        while error is not None:
            assert bucket.key_id not in str(error)
            error = error.__cause__


def test_no_header_is_sent_that_b2_refuses(
    bucket: ABucket, proxy: ChaosProxy, opened: Callable[..., S3Store], native_environment: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says for Amazon's tools: no tags, checksums, conditions or encryption are asked for."""
    for name, value in {
        "AWS_CHECKSUM_ALGORITHM": "SHA256",
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_SSE_KMS_KEY_ID": "key",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
        "AWS_REQUEST_PAYER": "requester",
        "AWS_ACCESS_KEY_ID": "FROM-THE-ENVIRONMENT",
        "AWS_PROFILE": "not-there",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    }.items():
        native_environment.setenv(name, value)
    proxy.faults.append(as_b2_refuses())
    store = opened(bucket, proxy.url, copy_limit=LARGE - 1)

    stream(store)
    store.put("small", b"1", {"revision": "abc"})
    store.copy("small", "copied")
    store.copy(KEY, "copied in parts")
    store.uploads()
    store.delete("small")

    assert ["copied", "copied in parts", KEY] == [stored.key for stored in store.list()]
    assert {"revision": "abc"} == dict(store.head("copied in parts").metadata)
    assert not [name for name in proxy.headers() if name.startswith(("x-amz-server-side", "x-amz-request-payer"))]
    assert all(bucket.key_id in asked.headers["authorization"] for asked in proxy.asked)
    assert 0 == sum(fault.seen for fault in proxy.faults)


def test_no_server_is_said(opened: Callable[..., S3Store], bucket: ABucket) -> None:
    """A host that does not answer is temporary, and the address that was tried is named."""
    nowhere = opened(bucket, "http://127.0.0.1:9")
    for ask in (lambda: nowhere.put("a", b"1", {}), nowhere.uploads):
        with pytest.raises(ForebayError) as raised:
            ask()
        assert "store_unavailable" == raised.value.kind
        assert "http://127.0.0.1:9" in raised.value.remedy
