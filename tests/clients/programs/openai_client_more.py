"""OpenAI's client: the events of its streams, its asynchronous half, what ends an answer early, and its errors."""

import asyncio
import json
from typing import Annotated, Literal, Optional, Union

import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, URL, City, Place, check, counting, refused, weather
from pydantic import BaseModel, Field

client = openai.OpenAI(base_url=URL, api_key="none", http_client=counting)
completions = client.chat.completions


def ask(content, **more):
    messages = [{"role": "user", "content": content}]
    return {"model": MODEL, "temperature": 0, "max_tokens": MAX_TOKENS, "messages": messages, **more}


few = ask("Say hello.", max_tokens=5)


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    kind: Literal["square"]
    side: int


class Drawing(BaseModel):
    title: Annotated[str, Field(max_length=10)]
    note: Optional[Annotated[str, Field(max_length=10)]]
    shapes: Annotated[list[Union[Circle, Square]], Field(min_length=1, max_length=2)]
    main: Union[Circle, Square] = Field(discriminator="kind")


class Tree(BaseModel):
    name: Annotated[str, Field(max_length=5)]
    children: Annotated[list["Tree"], Field(max_length=1)]


@check("events of a stream")
def _():
    request = ask(DESCRIBE, response_format=City, logprobs=True, stream_options={"include_usage": True})
    with completions.stream(**request) as stream:
        events = {}
        for event in stream:
            events.setdefault(event.type, []).append(event)
        final = stream.get_final_completion()
    assert isinstance(events["content.done"][0].parsed, City), events
    assert events["content.delta"][-1].snapshot == final.choices[0].message.content
    assert len(events["logprobs.content.done"][0].content) == len(final.choices[0].logprobs.content)
    assert final.usage.completion_tokens > 4, final


@check("events of a call")
def _():
    with completions.stream(**ask(ASK, tools=[openai.pydantic_function_tool(Place)], tool_choice="required")) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert isinstance(done[0].parsed_arguments, Place) and done[0].name == "Place", done


@check("schemas of nested models")
def _():
    for kind in (Drawing, Tree):
        try:
            answer = completions.parse(**ask("JSON, please.", max_tokens=400, response_format=kind))
        except openai.LengthFinishReasonError:
            # A small model nests without end.
            assert kind is Tree
        else:
            assert isinstance(answer.choices[0].message.parsed, kind), answer


@check("tools in a loop")
def _():
    tools = [openai.pydantic_function_tool(Place, name=name) for name in ("weather", "time")]
    messages = [{"role": "system", "content": "Use the tools."}, {"role": "user", "content": ASK}]
    for _ in range(3):
        request = ask("", tools=tools, tool_choice="required", parallel_tool_calls=False)
        message = completions.parse(**{**request, "messages": messages}).choices[0].message
        messages.append(message)
        for call in message.tool_calls:
            content = [{"type": "text", "text": weather(call.function.parsed_arguments.city)}]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    assert completions.create(**{**few, "messages": messages, "tools": tools, "tool_choice": "none"}).choices[0].message.content


@check("asynchronous")
def _():
    async def run():
        async with openai.AsyncOpenAI(base_url=URL, api_key="none") as client:
            completions = client.chat.completions
            answers = await asyncio.gather(*(completions.parse(**ask(DESCRIBE, response_format=City, seed=n)) for n in range(3)))
            assert all(isinstance(answer.choices[0].message.parsed, City) for answer in answers), answers
            async with completions.stream(**ask(DESCRIBE, response_format=City)) as stream:
                kinds = [event.type async for event in stream]
            assert kinds.count("content.done") == 1, kinds
            # A task that is cancelled leaves its request.
            task = asyncio.create_task(completions.create(**ask("Tell a long story.", max_tokens=2000)))
            await asyncio.sleep(0.5)
            task.cancel()
            assert (await completions.create(**few)).choices[0].message.content

    asyncio.run(run())


@check("a cut answer")
def _():
    cut = ask(DESCRIBE, response_format=City, max_tokens=3)
    for run in (lambda: completions.parse(**cut), lambda: list(completions.stream(**cut).__enter__())):
        try:
            run()
        except openai.LengthFinishReasonError as error:
            assert error.completion.choices[0].finish_reason == "length"
        else:
            raise AssertionError("It was not cut.")


@check("usage of a stream")
def _():
    *chunks, last = completions.create(**few, stream=True, stream_options={"include_usage": True})
    assert last.choices == [] and last.usage.completion_tokens == 5, last
    assert chunks[-1].choices[0].finish_reason == "length", chunks
    assert all(chunk.usage is None for chunk in chunks), chunks


@check("JSON of any kind")
def _():
    choice = completions.create(**ask("A short JSON object.", max_tokens=400, response_format={"type": "json_object"})).choices[0]
    assert choice.finish_reason == "length" or isinstance(json.loads(choice.message.content), dict), choice


@check("raw and streamed responses")
def _():
    raw = completions.with_raw_response.create(**few)
    assert raw.headers["x-request-id"] == raw.parse()._request_id == raw.request_id
    with completions.with_streaming_response.create(**few, stream=True) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert list(response.iter_lines())[-2:] == ["data: [DONE]", ""]


@check("leaving and timeouts")
def _():
    long = ask("Tell a long story.", max_tokens=2000)
    with completions.create(**long, stream=True) as stream:
        next(stream)
    try:
        client.with_options(timeout=0.2, max_retries=1).chat.completions.create(**long)
    except openai.APITimeoutError:
        pass
    else:
        raise AssertionError("It took no time.")
    assert completions.create(**few).choices[0].message.content


@check("errors")
def _():
    much = ask("word " * 20_000)
    too_long = lambda error: type(error) is openai.BadRequestError and error.code == "context_length_exceeded"
    refused(lambda: completions.create(**much), too_long)
    refused(lambda: list(completions.create(**much, stream=True)), too_long)
    refused(
        lambda: completions.create(**{**few, "model": "gpt-4o"}),
        lambda error: type(error) is openai.NotFoundError and error.code == "model_not_found",
    )
    refused(
        lambda: completions.create(**few, top_logprobs=2),
        lambda error: type(error) is openai.BadRequestError and error.param == "top_logprobs" and error.request_id,
    )
    refused(
        lambda: completions.create(**few, extra_body={"messages": "hello"}),
        lambda error: type(error) is openai.BadRequestError and error.type == "invalid_request_error",
    )
