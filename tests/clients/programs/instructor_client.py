"""instructor, in each of its modes."""

import asyncio
from collections.abc import Iterable

import instructor
import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, URL, City, Place, check, counting, refused
from instructor import Mode
from instructor.core.exceptions import IncompleteOutputException, InstructorRetryException
from pydantic import BaseModel, field_validator

messages = [{"role": "user", "content": DESCRIBE}]
ask = {"model": MODEL, "temperature": 0, "max_tokens": MAX_TOKENS, "messages": messages, "response_model": City}


def completions(mode):
    return instructor.from_openai(openai.OpenAI(base_url=URL, api_key="none", http_client=counting), mode=mode).chat.completions


@check("structured output")
def _():
    for mode in (Mode.TOOLS, Mode.JSON_SCHEMA):
        assert isinstance(completions(mode).create(**ask, max_retries=0), City)


@check("structured output, streamed")
def _():
    for mode in (Mode.TOOLS, Mode.JSON_SCHEMA):
        pieces = list(completions(mode).create_partial(**ask))
        assert len(pieces) > 4, pieces
        City.model_validate(pieces[-1].model_dump())


@check("other modes")
def _():
    for mode in (Mode.TOOLS_STRICT, Mode.JSON_O1, Mode.JSON, Mode.MD_JSON):
        # Where the schema is in the prompt alone, a small model may miss it, and every try is an answer.
        try:
            completions(mode).create(**ask, max_retries=0)
        except (InstructorRetryException, IncompleteOutputException) as error:
            assert mode is not Mode.TOOLS_STRICT and "400" not in str(error), error


@check("several calls")
def _():
    calling = completions(Mode.PARALLEL_TOOLS)
    messages = [{"role": "user", "content": ASK}]
    try:
        calls = list(calling.create(**{**ask, "messages": messages, "response_model": Iterable[Place]}, max_retries=0))
        assert all(isinstance(call, Place) for call in calls), calls
    except InstructorRetryException as error:
        # It lets the model choose, and a small one may call nothing.
        assert "No tool calls" in str(error), error
    for mode in (Mode.TOOLS, Mode.JSON_SCHEMA):
        places = []
        try:
            for place in completions(mode).create_iterable(**{**ask, "response_model": Place}):
                places.append(place)
        except IncompleteOutputException:
            # A small model goes on until it is cut.
            pass
        assert places and all(isinstance(place, Place) for place in places), places


class Checked(BaseModel):
    place: Place
    tries: list[int] = []

    @field_validator("place")
    @classmethod
    def always_wrong(cls, _):
        raise ValueError("It is somewhere else.")


@check("what was wrong is handed back")
def _():
    for mode in (Mode.TOOLS, Mode.JSON_SCHEMA):
        seen = []
        client = instructor.from_openai(openai.OpenAI(base_url=URL, api_key="none", http_client=counting), mode=mode)
        client.on("completion:response", seen.append)
        try:
            client.chat.completions.create(**{**ask, "response_model": Checked}, max_retries=2)
        except InstructorRetryException as error:
            assert "somewhere else" in str(error), error
        else:
            raise AssertionError("It was taken.")
        assert len(seen) == 3, seen


@check("asynchronous")
def _():
    async def run():
        client = instructor.from_openai(openai.AsyncOpenAI(base_url=URL, api_key="none"), mode=Mode.TOOLS)
        city, completion = await client.chat.completions.create_with_completion(**ask)
        assert isinstance(city, City) and completion.usage.completion_tokens > 4, completion

    asyncio.run(run())


@check("refusal")
def _():
    # It sends no "strict", so what is refused is another value.
    refused(
        lambda: completions(Mode.TOOLS).create(**{**ask, "temperature": 3}, max_retries=0),
        lambda error: "invalid_value" in str(error) or "temperature" in str(error),
    )
