"""Drives a server with the official Python client: sdk_python.py URL MODEL GUARDED_URL KEY.

Prints a line for each check: its name, a tab, and "ok" or what went wrong.
"""

import sys
import traceback

import openai

URL, MODEL, GUARDED_URL, KEY = sys.argv[1:]
client = openai.OpenAI(base_url=URL + "/v1", api_key="none", max_retries=0, timeout=120)
FRANCE = [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]
STORY = [{"role": "user", "content": "Write a very long story about a fox."}]


def chat(**more):
    return client.chat.completions.create(**{"model": MODEL, "messages": FRANCE, "temperature": 0, **more})


def refused(kind, call):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def a_chat_is_answered():
    answer = chat()
    assert "Paris" in answer.choices[0].message.content, answer
    assert answer.choices[0].finish_reason == "stop", answer
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer


def a_chat_is_streamed():
    chunks = list(chat(stream=True, stream_options={"include_usage": True}))
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "Paris" in "".join(pieces), pieces
    assert len([piece for piece in pieces if piece]) > 4, pieces
    assert chunks[-2].choices[0].finish_reason == "stop", chunks[-2]
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 4, chunks[-1]
    assert len({chunk.id for chunk in chunks}) == 1, chunks


def a_stream_can_be_left():
    stream = chat(messages=STORY, stream=True, max_tokens=100_000)
    next(chunk for chunk in stream if chunk.choices[0].delta.content)
    stream.close()
    # There is one slot, and the story would take it for minutes.
    assert "Paris" in chat(timeout=60).choices[0].message.content


def the_models_are_listed():
    assert MODEL in [model.id for model in client.models.list()]


def a_model_is_retrieved():
    model = client.models.retrieve(MODEL)
    assert (model.id, model.object) == (MODEL, "model"), model
    assert isinstance(model.created, int) and isinstance(model.owned_by, str), model


def a_bad_temperature_is_a_BadRequestError():
    error = refused(openai.BadRequestError, lambda: chat(temperature=3))
    assert (error.code, error.param, error.type) == ("invalid_value", "temperature", "invalid_request_error"), error.body


def too_long_a_prompt_is_a_BadRequestError():
    messages = [{"role": "user", "content": "word " * 9000}]
    for stream in (False, True):
        error = refused(openai.BadRequestError, lambda: chat(messages=messages, stream=stream))
        assert (error.code, error.param) == ("context_length_exceeded", "messages"), error.body


def an_unknown_model_is_a_NotFoundError():
    assert refused(openai.NotFoundError, lambda: chat(model="nope")).code == "model_not_found"
    assert refused(openai.NotFoundError, lambda: client.models.retrieve("nope")).code == "model_not_found"


def a_wrong_key_is_an_AuthenticationError():
    guarded = openai.OpenAI(base_url=GUARDED_URL + "/v1", api_key="wrong", max_retries=0)
    assert refused(openai.AuthenticationError, guarded.models.list).code == "invalid_api_key"
    assert len(guarded.with_options(api_key=KEY).models.list().data) == 1


for name, check in list(globals().items()):
    if not name.startswith(("a_", "an_", "the_", "too_")):
        continue
    try:
        check()
        print(name.replace("_", " "), "ok", sep="\t")
    except Exception:
        print(name.replace("_", " "), traceback.format_exc().replace("\n", " | "), sep="\t")
