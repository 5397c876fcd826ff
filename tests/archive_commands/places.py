"""Where an archive can be, seen past everything that is tested, and what its user types."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from homes import Home
from s3_server import ABucket
from shell import Said, Shell

from forebay.app import App, new_worker_id
from forebay.model.catalogue import DATASETS
from forebay.settings import load
from forebay.vendor.flatfiles import FlatFiles

OPTIONS, STOCKS = DATASETS["us_options_opra/day_aggs_v1"], DATASETS["us_stocks_sip/day_aggs_v1"]
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)
WEEK = [date(2026, 3, day) for day in (2, 3, 4, 5, 6)]


@dataclass(frozen=True)
class FolderPlace:
    """An archive in a folder."""

    path: Path

    @property
    def env(self) -> dict[str, str]:
        return {}

    @property
    def address(self) -> str:
        return str(self.path)

    def everything(self) -> list[str]:
        found = [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]
        return sorted(key for key in found if not key.startswith(".forebay/tmp/"))

    def read(self, key: str) -> bytes:
        return (self.path / key).read_bytes()

    def write(self, key: str, data: bytes, modified: float | None = None) -> None:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if modified is not None:
            os.utime(path, (modified, modified))

    def remove(self, key: str) -> None:
        (self.path / key).unlink()

    def spoil(self, key: str) -> None:
        """Turn one bit in the middle; size and time stay."""
        times = (self.path / key).stat()
        self.write(key, _spoilt(self.read(key)), times.st_mtime)


@dataclass(frozen=True)
class BucketPlace:
    """An archive in a bucket, under a prefix."""

    bucket: ABucket
    prefix: str = "vendor/files"

    @property
    def env(self) -> dict[str, str]:
        return {
            "B2_KEY_ID": self.bucket.key_id,
            "B2_APPLICATION_KEY": self.bucket.secret,
            "B2_BUCKET_NAME": self.bucket.name,
            "B2_ENDPOINT_URL": self.bucket.endpoint,
            "ARCHIVE_PREFIX": self.prefix,
        }

    @property
    def address(self) -> str:
        return f"s3://{self.bucket.name}/{self.prefix}"

    def everything(self) -> list[str]:
        return sorted(key.removeprefix(f"{self.prefix}/") for key in ABucket.keys(self.bucket))

    def read(self, key: str) -> bytes:
        return self.bucket.read(f"{self.prefix}/{key}")

    def write(self, key: str, data: bytes, modified: float | None = None, **more: object) -> None:
        self.bucket.client.put_object(Bucket=self.bucket.name, Key=f"{self.prefix}/{key}", Body=data, **more)

    def remove(self, key: str) -> None:
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key=f"{self.prefix}/{key}")

    def spoil(self, key: str) -> None:
        """Turn one bit in the middle; metadata stay."""
        told = self.bucket.client.head_object(Bucket=self.bucket.name, Key=f"{self.prefix}/{key}")["Metadata"]
        self.write(key, _spoilt(self.read(key)), Metadata=told)


def _spoilt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@dataclass
class Keeper:
    """A user of an archive."""

    shell: Shell
    place: FolderPlace | BucketPlace
    home: Home
    filled: Path
    """Where the data of a filled archive in a folder are kept for the next test."""

    def __call__(self, *args: str, **env: str) -> Said:
        return self.shell(*args, **env)

    def json(self, *args: str, code: int = 0, **env: str):
        """What a command says with --json."""
        said = self.shell(*args, "--json", **env)
        assert code == said.code, said.all
        return json.loads(said.out)

    def fill(self, *datasets: str) -> None:
        """Archive the week of these datasets, as a user does; what was done once before is copied."""
        data = self.home.folder / "data"
        if not datasets and isinstance(self.place, FolderPlace) and not data.exists():
            if not self.filled.exists():
                self._fill()
                shutil.copytree(data, self.filled)
                return
            shutil.copytree(self.filled, data)
            with self.app() as app:
                app.ledger.places.remember("archive", self.place.address)
            return
        self._fill(*datasets)

    def _fill(self, *datasets: str) -> None:
        names = ",".join(datasets or [OPTIONS.name])
        self.run("discoverer", "historical", "--dataset", names, "--start", str(FIRST), "--end", str(LAST))
        self.run("worker", "--once")

    def run(self, *args: str) -> Said:
        """A command that must succeed."""
        said = self.shell(*args)
        assert 0 == said.code, said.all
        return said

    def vendor_keys(self) -> list[str]:
        """Keys in the archive that are not Forebay's own."""
        return [key for key in self.place.everything() if not key.startswith(".forebay/")]

    @contextmanager
    def app(self):
        """The user's App."""
        app = App(load(environ=self.env), self.shell.clock, new_worker_id())
        try:
            yield app
        finally:
            app.close()

    @property
    def env(self) -> dict[str, str]:
        return {**self.home.env, **self.shell.env, "FOREBAY_HOME": str(self.home.folder / "data")}

    @cached_property
    def upstream(self) -> FlatFiles:
        """The vendor's bucket."""
        url, env = self.home.vendor.env["FOREBAY_FLATFILES_URL"], self.home.vendor.env
        key, secret = env["POLYGON_S3_ACCESS_KEY_ID"], env["POLYGON_S3_SECRET_ACCESS_KEY"]
        return FlatFiles(url, key, secret, self.shell.clock)

    def published(self, dataset=OPTIONS, days=WEEK):
        """What the vendor has: key to (bytes, revision)."""
        listed = self.upstream.list(dataset, min(days), max(days))
        return {file.key: (b"".join(self.upstream.open(file.key, file.revision)), file.revision) for file in listed}

    def coverage(self, destination="archive"):
        """Every coverage row of a destination."""
        with self.app() as app:
            return app.ledger.coverage.find(destination, limit=None)
