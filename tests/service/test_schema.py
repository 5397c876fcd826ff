"""The service asked whatever its own description allows, and whatever it forbids."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from forebay.service.factory import create_app
from forebay.settings import load

TOKEN = "a-token-of-some-length"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
ENDPOINTS = [
    (mode, path, method)
    for path, item in create_app(load(environ={})).openapi()["paths"].items()
    for method, words in item.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or words.keys() & {"parameters", "requestBody"}
]


@pytest.fixture(scope="module")
def described(filled_home):
    """The service over a lake with bars, by its own description."""
    app = create_app(load(environ={"FOREBAY_HOME": str(filled_home), "FOREBAY_API_TOKEN": TOKEN}))
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    app.state.desk.app.close()


# What makes no sense together (dates in reverse, say) no schema can forbid: it is refused, and described as such.
@pytest.mark.parametrize(("mode", "path", "method"), ENDPOINTS)
def test_every_answer_is_as_described(described, mode, path, method):
    """No question, allowed or not, gets a 5xx, an answer that is not described, or one without a token."""

    @settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers=SHOWN, excluded_checks=[positive_data_acceptance])

    ask()
