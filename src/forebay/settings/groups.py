"""The groups of settings. Each field: its variables (preferred name first), its default, its unit and its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, SecretStr

from forebay.errors import UsageError
from forebay.settings import checks
from forebay.settings.fields import Group, SecretUrl, setting

DATABASE_FILE = "download_tracker.db"


class FolderSettings(Group):
    """Where everything local lives. Folders are made on first use, by whoever writes to them."""

    home: Annotated[Path, BeforeValidator(checks.at_home)] = setting(
        "FOREBAY_HOME", default=Path("data"), about="The one root folder of ledger, lake, archive and quarantine."
    )

    universe: Annotated[Path, BeforeValidator(checks.at_home)] = setting(
        "UNIVERSE_DIR", default=Path("universe"), about="Where `forebay discover` writes universe files."
    )

    @property
    def database(self) -> Path:
        """The SQLite ledger that is used when no database is named."""
        return self.home / DATABASE_FILE

    @property
    def lake(self) -> Path:
        """The lake that is used when `LAKE_URI` is not set."""
        return self.home / "lake"

    @property
    def archive(self) -> Path:
        """The archive that is used when no bucket is named."""
        return self.home / "archive"

    @property
    def csv_lzo(self) -> Path:
        """The csv.lzo archive that is used when no bucket is named."""
        return self.home / "csv-lzo"

    @property
    def quarantine(self) -> Path:
        """What failed a check, with its reason."""
        return self.home / "quarantine"

    @property
    def spool(self) -> Path:
        """Whole files on their way to a bucket, with `forebay worker --spool`; kept where a download is cut off."""
        return self.home / "spool"

    @property
    def services(self) -> Path:
        """What `forebay workers up` started: a pid file and a log for each process."""
        return self.home / "services"

    @property
    def tmp(self) -> Path:
        """Files under way; on the same disk as the lake, so that a rename is atomic."""
        return self.home / "tmp"


class VendorSettings(Group):
    """The vendor's REST and streaming sides, and what the plan allows."""

    api_key: SecretStr | None = setting(
        "POLYGON_API_KEY", "MASSIVE_API_KEY", default=None, about="The vendor's API key: all that REST needs."
    )
    rest_url: Annotated[str, BeforeValidator(checks.http_url)] = setting(
        "FOREBAY_REST_URL", default="https://api.massive.com", about="Origin of the REST API; a sandbox has its own."
    )
    stream_url: Annotated[str, BeforeValidator(checks.stream_url)] = setting(
        "FOREBAY_STREAM_URL", default="wss://socket.massive.com", about="Origin of the stream, ws:// or wss://."
    )
    rate_limit: int = setting(
        "POLYGON_RATE_LIMIT",
        "MASSIVE_RATE_LIMIT",
        default=5,
        ge=0,
        about="REST calls a minute, for all workers together; 0 = no limit. 5 is what the vendor's free plan allows.",
    )

    def require_api_key(self) -> str:
        """The API key. Raises UsageError when none is set."""
        if self.api_key is None:
            raise UsageError(
                "no API key: REST needs POLYGON_API_KEY (or MASSIVE_API_KEY)",
                remedy="Put POLYGON_API_KEY=<your key> into .env; the key is on the vendor's dashboard.",
            )
        return self.api_key.get_secret_value()


class FlatFileSettings(Group):
    """The vendor's bucket of flat files; its keys are not the API key."""

    access_key_id: SecretStr | None = setting(
        "POLYGON_S3_ACCESS_KEY_ID",
        "POLYGON_S3_ACCESS_KEY",
        "MASSIVE_S3_ACCESS_KEY_ID",
        "MASSIVE_S3_ACCESS_KEY",
        default=None,
        about="The S3 access key id that the vendor's dashboard shows for flat files. Not the API key.",
    )
    secret_access_key: SecretStr | None = setting(
        "POLYGON_S3_SECRET_ACCESS_KEY",
        "POLYGON_S3_SECRET_KEY",
        "MASSIVE_S3_SECRET_ACCESS_KEY",
        "MASSIVE_S3_SECRET_KEY",
        default=None,
        about="The S3 secret that belongs to that key id.",
    )
    url: Annotated[str, BeforeValidator(checks.http_url)] = setting(
        "FOREBAY_FLATFILES_URL",
        default="https://files.massive.com",
        about="Origin of the flat files' S3 endpoint; a sandbox has its own.",
    )

    def require_keys(self) -> tuple[str, str]:
        """Key id and secret. Raises UsageError naming what is missing."""
        if self.access_key_id is None or self.secret_access_key is None:
            missing = "POLYGON_S3_SECRET_ACCESS_KEY" if self.access_key_id else "POLYGON_S3_ACCESS_KEY_ID"
            raise UsageError(
                f"no keys for flat files: {missing} is not set",
                remedy="Put both POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY into .env: the dashboard "
                "shows them apart from the API key. With the API key alone, --source rest works.",
            )
        return self.access_key_id.get_secret_value(), self.secret_access_key.get_secret_value()


class PlanSettings(Group):
    """How the planner chooses."""

    hybrid_boundary_days: int = setting(
        "HYBRID_BOUNDARY_DAYS",
        default=30,
        ge=0,
        about="Days before today: older bars come from flat files, younger ones by REST, when the source is auto.",
    )


class ArchiveSettings(Group):
    """Where the archive is: a bucket at Backblaze B2, any S3 bucket, or a folder."""

    uri: Annotated[str | None, BeforeValidator(checks.at_home)] = setting(
        "ARCHIVE_URI",
        default=None,
        about="A folder, or s3://bucket/prefix with the AWS_* settings. Not set: the B2 bucket, or archive/ under "
        "FOREBAY_HOME.",
    )
    prefix: str = setting(
        "ARCHIVE_PREFIX", default="", about="Put before the vendor's keys in the B2 bucket, such as polygon/flatfiles."
    )
    key_id: SecretStr | None = setting("B2_KEY_ID", default=None, about="B2's key id.")
    application_key: SecretStr | None = setting("B2_APPLICATION_KEY", default=None, about="B2's application key.")
    bucket: str | None = setting(
        "B2_BUCKET_NAME", default=None, about="The archive's bucket; not set = the folder archive/ under FOREBAY_HOME."
    )
    endpoint_url: Annotated[str | None, BeforeValidator(checks.http_url)] = setting(
        "B2_ENDPOINT_URL",
        default=None,
        about="The bucket's S3 endpoint, such as s3.us-west-000.backblazeb2.com; https:// is added.",
    )
    price: float = setting(
        "ARCHIVE_PRICE",
        default=0.006,
        ge=0,
        allow_inf_nan=False,
        about="US dollars for a GB a month, for `forebay archive status`; 0.006 is B2's list price, S3's is 0.023.",
    )


class AwsSettings(Group):
    """Credentials of S3 destinations. They are never sent to the vendor."""

    access_key_id: SecretStr | None = setting("AWS_ACCESS_KEY_ID", default=None, about="A destination's key id.")
    secret_access_key: SecretStr | None = setting("AWS_SECRET_ACCESS_KEY", default=None, about="Its secret.")
    session_token: SecretStr | None = setting("AWS_SESSION_TOKEN", default=None, about="For temporary credentials.")
    region: str | None = setting("AWS_REGION", "AWS_DEFAULT_REGION", default=None, about="A destination's region.")
    endpoint_url: Annotated[str | None, BeforeValidator(checks.http_url)] = setting(
        "AWS_ENDPOINT_URL", default=None, about="For S3 servers that are not Amazon's."
    )
    profile: str | None = setting("AWS_PROFILE", default=None, about="A profile of ~/.aws, instead of keys.")


class LedgerSettings(Group):
    """The ledger's database."""

    url: Annotated[SecretUrl, BeforeValidator(checks.database_url)] = setting(
        "DATABASE_URL",
        default=f"sqlite:///data/{DATABASE_FILE}",
        about=f"sqlite:///path or postgresql://user:password@host/name. Default: {DATABASE_FILE} under FOREBAY_HOME.",
    )


class LakeSettings(Group):
    """The lake."""

    uri: Annotated[str, BeforeValidator(checks.at_home)] = setting(
        "LAKE_URI",
        default="data/lake",
        about="A folder, or s3://bucket/prefix with the AWS_* settings where the store honours conditional puts. "
        "Default: lake/ under FOREBAY_HOME.",
    )
    grace_days: int = setting(
        "LAKE_GRACE_DAYS",
        default=7,
        ge=0,
        le=36_500,
        about="Days that a file which was replaced stays in the lake, for queries and readers of earlier versions.",
    )


class FileSettings(Group):
    """Files of one ticker's bars, under FOREBAY_HOME."""

    form: Literal["parquet", "csv"] = setting(
        "FILES_FORMAT", default="parquet", about="How files of one ticker's bars are written: parquet or csv."
    )


class CsvLzoSettings(Group):
    """The csv.lzo archive."""

    bucket: Annotated[str | None, BeforeValidator(checks.at_home)] = setting(
        "CSV_LZO_BUCKET",
        default=None,
        about="Where csv.lzo objects go: a bucket's name, s3://bucket/prefix or file:///folder, with the AWS_* "
        "settings. Not set: csv-lzo/ under FOREBAY_HOME.",
    )
    window: Literal["hour", "day", "all"] = setting(
        "CSV_LZO_WINDOW",
        default="day",
        about="What one csv.lzo object covers: an hour of UTC, a session date, or all of a ticker.",
    )


class WorkerSettings(Group):
    """How tasks are worked off."""

    profile: Literal["free", "standard", "high"] | None = setting(
        "PROFILE",
        default=None,
        about="free, standard or high: sets WORKERS, WORKER_CONCURRENCY and POLYGON_RATE_LIMIT where they are not set.",
    )
    workers: int = setting(
        "WORKERS",
        default=6,
        ge=1,
        le=256,
        about="Worker processes that `forebay workers up` starts, one of them for discovery.",
    )
    max_retries: int = setting(
        "MAX_RETRIES",
        default=2,
        ge=0,
        le=1000,
        about="Further attempts per phase (download, upload). Waits for 429 or publication, and crashes, count none.",
    )
    concurrency: int = setting(
        "WORKER_CONCURRENCY", default=2, ge=1, le=256, about="Tasks that one worker runs at the same time."
    )
    max_tasks_per_child: int = setting(
        "WORKER_MAX_TASKS_PER_CHILD",
        default=200,
        ge=0,
        about="Tasks after which a worker process is replaced, so that no leak lives long; 0 = never.",
    )
    batch_size: int = setting("BATCH_SIZE", default=10, ge=1, about="Tickers that are queued at once.")
    task_delay: float = setting(
        "TASK_DELAY", default=0, ge=0, allow_inf_nan=False, about="Seconds a worker pauses between two tasks."
    )
    bandwidth: Annotated[int, BeforeValidator(checks.size)] = setting(
        "BANDWIDTH_LIMIT",
        default=0,
        ge=0,
        about="Bytes a second that one worker process takes from the vendor, such as 20MB; 0 = no limit.",
    )
    poll_seconds: float = setting(
        "WORKER_POLL_SECONDS",
        default=5,
        gt=0,
        allow_inf_nan=False,
        about="Seconds between an idle worker's looks at the ledger, before jitter.",
    )


class TradeSettings(Group):
    """How bars are built from trades, where the vendor leaves it open."""

    unknown_conditions: Literal["drop", "neutral"] = setting(
        "UNKNOWN_CONDITIONS",
        default="drop",
        about="A trade with a condition that Forebay has no rule for: drop (it counts for nothing) or neutral (the "
        "condition restricts nothing). Dropping is what came out equal to the vendor's bars. Counted either way.",
    )
    corrected_trades: Literal["1", "12"] = setting(
        "CORRECTED_TRADES",
        default="1",
        about="Correction code of the record that counts of a corrected pair: 1, in the first one's place with the "
        "right values, as the tape is documented; or 12, the record after it.",
    )


class LogSettings(Group):
    """Logs, on stderr and in a file."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(checks.log_level)] = (
        setting("LOG_LEVEL", default="INFO", about="DEBUG, INFO, WARNING (or WARN), ERROR or CRITICAL.")
    )
    file: Annotated[Path | None, BeforeValidator(checks.at_home)] = setting(
        "LOG_FILE", default=None, about="A file that gets every line too, rotated at 10 MB, five kept; not set = none."
    )
    format: Literal["text", "json"] = setting(
        "LOG_FORMAT", default="text", about="text for people, json for collectors (one object a line)."
    )
