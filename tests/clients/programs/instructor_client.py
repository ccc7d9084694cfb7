"""instructor, by tools and by schemas."""

import instructor
import openai
from checks import DESCRIBE, MAX_TOKENS, MODEL, URL, City, check, counting, refused
from instructor import Mode

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


@check("refusal")
def _():
    # It sends no "strict", so what is refused is another value.
    refused(
        lambda: completions(Mode.TOOLS).create(**{**ask, "temperature": 3}, max_retries=0),
        lambda error: "invalid_value" in str(error) or "temperature" in str(error),
    )
