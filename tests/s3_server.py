"""A real S3 server (moto) in a process of its own: started when first needed, gone with the process that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import md5
from itertools import count
from typing import Any

import boto3
from botocore.config import Config

_SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.disable()
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""
_numbers = count(1)


@cache
def s3_server() -> str:
    """The server's address. It ends when its standard input does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    s3_server.process = process  # kept, or its pipe would be closed
    return process.stdout.readline().strip()


@dataclass(frozen=True)
class ABucket:
    """A bucket on that server, looked at past everything that is tested."""

    name: str
    endpoint: str
    key_id: str = "AKIDEXAMPLE"
    secret: str = "a secret that is nowhere shown"

    @property
    def client(self) -> Any:
        return _client(self.endpoint, self.key_id, self.secret)

    def keys(self) -> list[str]:
        """Every key in it, those of Forebay's own included."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def digests(self) -> dict[str, str]:
        """Key to MD5 of what is really there, without what Forebay keeps for itself."""
        return {key: md5(self.read(key)).hexdigest() for key in self.keys() if ".forebay/" not in key}

    def open_uploads(self) -> list[str]:
        """Keys of uploads that were neither completed nor aborted."""
        found = self.client.list_multipart_uploads(Bucket=self.name)
        return [upload["Key"] for upload in found.get("Uploads", ())]

    def versions(self, key: str) -> int:
        """How many versions of an object are kept, marks of removals included."""
        found = self.client.list_object_versions(Bucket=self.name, Prefix=key)
        return len(found.get("Versions", ())) + len(found.get("DeleteMarkers", ()))


@cache
def _client(endpoint: str, key_id: str, secret: str) -> Any:
    """One for all buckets: making it takes longer than most tests."""
    return boto3.Session(key_id, secret, region_name="us-east-1").client(
        "s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}, proxies={})
    )


@contextmanager
def a_bucket(*, versioned: bool = False) -> Iterator[ABucket]:
    """A new, empty bucket."""
    bucket = ABucket(f"archive-{os.getpid()}-{next(_numbers)}", s3_server())
    bucket.client.create_bucket(Bucket=bucket.name)
    if versioned:
        bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    yield bucket
