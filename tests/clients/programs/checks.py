"""What the programs in Python share: PROGRAM URL MODEL prints a line for each check, its name, a tab, and "ok" or what went wrong."""

import sys
import traceback
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, Field

URL, MODEL = sys.argv[1] + "/v1", sys.argv[2]
# Whatever the model says fits into these tokens.
MAX_TOKENS = 120
DESCRIBE = "Describe Paris as JSON."
ASK = "What is the weather in Paris?"
UNENFORCEABLE = {
    "type": "object",
    "properties": {"a": {"type": "array", "uniqueItems": True, "items": {"type": "string"}}},
    "required": ["a"],
    "additionalProperties": False,
}


class City(BaseModel):
    """A city."""

    city: Annotated[str, Field(max_length=20)]
    kind: Literal["town", "capital"]
    tags: Annotated[list[Annotated[str, Field(max_length=10)]], Field(max_length=2)]


class Place(BaseModel):
    """The weather in a city."""

    city: Annotated[str, Field(max_length=20)]


def weather(city: Annotated[str, Field(max_length=20)]) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}."


requests: list[httpx.Request] = []
# A request that can never succeed is to be sent once.
counting = httpx.Client(event_hooks={"request": [requests.append]}, timeout=120)


def check(name):
    def run(call):
        try:
            call()
            print(name, "ok", sep="\t", flush=True)
        except Exception:
            print(name, traceback.format_exc().replace("\n", " | "), sep="\t", flush=True)

    return run


def refused(call, fits):
    requests.clear()
    try:
        answer = call()
    except Exception as error:
        assert fits(error), f"{type(error)}: {error}"
        assert len(requests) <= 1, f"sent {len(requests)} times"
        return
    raise AssertionError(f"answered: {answer}")
