"""A bare S3 server for benchmarks: fast, unsigned, in a process of its own; a thread a connection.

An object is a list of (file, times) pieces, so a file of any size can be read without having it on the disk, and an
upload in parts is completed without copying. It starts with the objects of FOLDER/objects.json, if there are any.
`GET /-` tells how many requests of each kind and how many bytes there were.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import socket
import socketserver
import sys
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from bench.s3_answers import Object, Request, begun, completed, listing, uploads

_BUFFER = 1 << 20
_MD5_UP_TO = 4 << 20
"""Bodies above are given an opaque ETag, unless the client says their MD5: hashing is not what is measured."""


class Shelf:
    """Everything that is stored. Reads and single writes of a dict need no lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[tuple[str, str], Object] = {}
        self.uploads: dict[str, tuple[Request, dict[int, Object]]] = {}
        self.counts: Counter[str] = Counter()
        listed = folder / "objects.json"
        for line in json.loads(listed.read_text()) if listed.exists() else ():
            place = line.pop("bucket"), line.pop("key")
            self.objects[place] = Object(**line)
        self._numbers = itertools.count()

    def file(self) -> Path:
        """A new file for a body."""
        return self.folder / f"{next(self._numbers)}.body"

    def forget(self, found: Object | None) -> None:
        """Remove the files of an object that is gone."""
        for name, _ in found.pieces if found else ():
            Path(name).unlink(missing_ok=True)


class Connection(socketserver.BaseRequestHandler):
    """Requests of one connection, one after the other."""

    shelf: Shelf

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.request.makefile("rb", 1 << 16)
        try:
            while (request := self._read()) is not None:
                self.shelf.counts[str(request)] += 1
                self._answer(request)
        except (ConnectionError, BrokenPipeError, TimeoutError):
            self.shelf.counts["cut"] += 1

    def _read(self) -> Request | None:
        line = self.input.readline().split()
        if len(line) != 3:
            return None
        headers: dict[str, str] = {}
        while (header := self.input.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        url = urlsplit(line[1].decode())
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = {name: found[0] for name, found in parse_qs(url.query, keep_blank_values=True).items()}
        return Request(line[0].decode(), bucket, key, query, headers)

    def _answer(self, request: Request) -> None:
        name = f"_{request.method.lower()}_{'object' if request.key else 'bucket'}"
        getattr(self, name)(request)

    def _send(self, status: int, body: str = "", headers: dict[str, str] | None = None, length: int = -1) -> None:
        data = body.encode()
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines.append(f"Content-Length: {len(data) if length < 0 else length}")
        self.request.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    # -- buckets

    def _head_bucket(self, _: Request) -> None:
        self._send(200)

    def _put_bucket(self, _: Request) -> None:
        self._send(200)

    def _get_bucket(self, request: Request) -> None:
        if request.bucket == "-":
            self._send(200, json.dumps(self.shelf.counts))
        elif "location" in request.query:
            self._send(200, "<LocationConstraint></LocationConstraint>")
        elif "uploads" in request.query:
            found = ((number, asked) for number, (asked, _) in list(self.shelf.uploads.items()))
            self._send(200, uploads(request, found))
        else:
            self._send(200, listing(request, self.shelf.objects))

    def _post_bucket(self, request: Request) -> None:
        body = self.input.read(int(request.headers["content-length"])).decode()
        for part in body.split("<Key>")[1:]:
            self.shelf.forget(self.shelf.objects.pop((request.bucket, part.partition("</Key>")[0]), None))
        self._send(200, "<DeleteResult></DeleteResult>")

    # -- objects

    def _head_object(self, request: Request) -> None:
        self._get_object(request, whole=False)

    def _get_object(self, request: Request, *, whole: bool = True) -> None:
        found = self.shelf.objects.get((request.bucket, request.key))
        if found is None:
            self._refuse(404, "NoSuchKey", whole=whole)
        elif request.headers.get("if-match", f'"{found.etag}"').strip('"') != found.etag:
            self._refuse(412, "PreconditionFailed", whole=whole)
        else:
            self._send_object(request, found, whole=whole)

    def _refuse(self, status: int, code: str, *, whole: bool = True) -> None:
        self._send(status, f"<Error><Code>{code}</Code></Error>" if whole else "")

    def _send_object(self, request: Request, found: Object, *, whole: bool) -> None:
        start, end, status = 0, found.size, 200
        headers = {"ETag": f'"{found.etag}"', "Last-Modified": _http_date(found.modified), "Accept-Ranges": "bytes"}
        if asked := request.headers.get("range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last or found.size) + 1, found.size), 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
        self._send(status, "", headers | {"Content-Type": "application/gzip"} | found.metadata, length=end - start)
        for name, offset, length in found.spans(start, end) if whole else ():
            with Path(name).open("rb") as file:
                self._send_file(file.fileno(), offset, length)

    def _send_file(self, file: int, offset: int, length: int) -> None:
        while length:
            sent = os.sendfile(self.request.fileno(), file, offset, min(length, _BUFFER))
            if not sent:
                raise ConnectionResetError
            offset, length = offset + sent, length - sent
            self.shelf.counts["bytes_sent"] += sent

    def _put_object(self, request: Request) -> None:
        body = self._body(request)
        number = request.query.get("partNumber")
        if number is None:
            self.shelf.objects[request.bucket, request.key] = body
        elif upload := self.shelf.uploads.get(request.query["uploadId"]):
            upload[1][int(number)] = body
        else:
            self.shelf.forget(body)
            self._refuse(404, "NoSuchUpload")
            return
        self._send(200, headers={"ETag": f'"{body.etag}"'})

    def _body(self, request: Request) -> Object:
        """Receive a body into a file."""
        if request.headers.get("expect", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = left = int(request.headers["content-length"])
        path, buffer = self.shelf.file(), memoryview(bytearray(_BUFFER))
        known = request.headers.get("content-md5")
        md5 = hashlib.md5(usedforsecurity=False) if known is None and size <= _MD5_UP_TO else None
        with path.open("wb", buffering=0) as file:
            while left:
                count = self.input.readinto1(buffer[: min(left, _BUFFER)])
                if not count:
                    raise ConnectionResetError
                if md5:
                    md5.update(buffer[:count])
                file.write(buffer[:count])
                left -= count
                self.shelf.counts["bytes_received"] += count
        etag = base64.b64decode(known).hex() if known else md5.hexdigest() if md5 else uuid.uuid4().hex
        return Object([(str(path), 1)] if size else [], size, etag, _now(), _metadata(request))

    def _post_object(self, request: Request) -> None:
        if "uploads" in request.query:
            number = uuid.uuid4().hex
            self.shelf.uploads[number] = (request, {})
            self._send(200, begun(request, number))
        else:
            self.input.read(int(request.headers.get("content-length", "0")))
            asked, parts = self.shelf.uploads.pop(request.query["uploadId"])
            whole = _joined([parts[index] for index in sorted(parts)], _metadata(asked))
            self.shelf.objects[request.bucket, request.key] = whole
            self._send(200, completed(request, whole))

    def _delete_object(self, request: Request) -> None:
        if upload := request.query.get("uploadId"):
            for part in self.shelf.uploads.pop(upload, (request, {}))[1].values():
                self.shelf.forget(part)
        else:
            self.shelf.forget(self.shelf.objects.pop((request.bucket, request.key), None))
        self._send(204)


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0).isoformat()


def _http_date(moment: str) -> str:
    return format_datetime(datetime.fromisoformat(moment), usegmt=True)


def _metadata(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.startswith("x-amz-meta-")}


def _joined(bodies: list[Object], metadata: dict[str, str]) -> Object:
    """The object of an upload in parts."""
    digest = hashlib.md5(b"".join(bytes.fromhex(body.etag) for body in bodies), usedforsecurity=False)
    pieces = [piece for body in bodies for piece in body.pieces]
    return Object(pieces, sum(body.size for body in bodies), f"{digest.hexdigest()}-{len(bodies)}", _now(), metadata)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256


def main(folder: str) -> None:
    """Serve until standard input ends; the port is printed first."""
    Connection.shelf = Shelf(Path(folder))
    with _Server(("127.0.0.1", 0), Connection) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
