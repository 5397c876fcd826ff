"""Keys from where Amazon's own tools look for them: a profile, the files under ~/.aws, the machine's role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from forebay.clock import Clock
from forebay.errors import UsageError
from forebay.stores.bucket import Keys

_ASK_AGAIN = timedelta(minutes=5)
"""How long keys are used before the chain is asked again; it renews those that expire well before their end."""


def chain(profile: str | None, clock: Clock) -> tuple[Callable[[], Keys], str | None]:
    """A function that answers with valid keys, and the profile's region.

    Raises UsageError when there is no such profile, or no keys anywhere.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.Session(profile_name=profile)
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise UsageError(f"AWS_PROFILE={profile}: {error}", remedy="Correct it, or set AWS_ACCESS_KEY_ID.") from error
    if credentials is None:
        raise UsageError(
            "no keys for the bucket",
            remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )

    def keys() -> Keys:
        frozen = credentials.get_frozen_credentials()
        expires = clock.now() + _ASK_AGAIN if frozen.token else None
        return Keys(frozen.access_key, frozen.secret_key, frozen.token, expires)

    return keys, session.region_name
