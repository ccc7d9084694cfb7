"""LangChain in Python: the other ways to an object, its asynchronous half, tools in a loop, and its errors."""

import asyncio
from typing import Annotated, TypedDict

import langchain_core.tools
import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, URL, City, Place, check, counting, refused
from checks import weather as weather_in
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

settings = {"model": MODEL, "base_url": URL, "api_key": "none", "temperature": 0, "max_tokens": MAX_TOKENS}
model = ChatOpenAI(**settings, http_client=counting)
few = ChatOpenAI(**{**settings, "max_tokens": 5}, http_client=counting)
weather = langchain_core.tools.tool("weather", args_schema=Place)(weather_in)
time = langchain_core.tools.tool("time", args_schema=Place)(weather_in)


class Town(TypedDict):
    """A town."""

    name: Annotated[str, ..., "Its name"]
    large: Annotated[bool, ..., "Whether it is large"]


@check("objects")
def _():
    raw = model.with_structured_output(City, include_raw=True).invoke(DESCRIBE)
    assert isinstance(raw["parsed"], City) and raw["parsing_error"] is None, raw
    town = model.with_structured_output({**City.model_json_schema(), "title": "City"}, method="json_schema", strict=True).invoke(DESCRIBE)
    City.model_validate(town)
    town = model.with_structured_output(Town, method="function_calling").invoke("A large town called Ur.")
    assert isinstance(town["large"], bool), town
    try:
        any_kind = model.with_structured_output(City, method="json_mode", include_raw=True).invoke(DESCRIBE)
        assert any_kind["raw"].response_metadata["finish_reason"] == "stop", any_kind
    except openai.LengthFinishReasonError:
        # JSON of any kind may not come to an end with a small model.
        pass


@check("tools in a loop")
def _():
    messages = [SystemMessage("Use the tools."), HumanMessage([{"type": "text", "text": ASK}])]
    calling = model.bind_tools([weather, time], tool_choice="any", parallel_tool_calls=False, strict=True)
    for _ in range(3):
        message = calling.invoke(messages)
        assert message.tool_calls and not message.invalid_tool_calls, message
        messages += [message, *({"weather": weather, "time": time}[call["name"]].invoke(call) for call in message.tool_calls)]
    assert isinstance(messages[-1], ToolMessage)
    assert model.bind_tools([weather, time]).invoke(messages).usage_metadata["input_tokens"] > 100


@check("usage of a stream")
def _():
    pieces = list(ChatOpenAI(**settings, stream_usage=True).stream("Say hello.", max_tokens=5))
    whole = sum(pieces[1:], pieces[0])
    assert whole.usage_metadata["output_tokens"] == 5, whole
    assert whole.response_metadata["finish_reason"] == "length", whole


@check("asynchronous")
def _():
    async def run():
        model = ChatOpenAI(**settings)
        answers = await model.with_structured_output(City).abatch([DESCRIBE] * 3)
        assert all(isinstance(answer, City) for answer in answers), answers
        calling = model.bind_tools([weather], tool_choice="weather")
        kinds = [event["event"] async for event in calling.astream_events(ASK)]
        assert kinds.count("on_chat_model_stream") > 3 and kinds[-1] == "on_chat_model_end", kinds

    asyncio.run(run())


@check("messages of every kind")
def _():
    call = {"id": "call_1", "name": "weather", "args": {"city": "Paris"}}
    messages = [
        *(SystemMessage("Be brief."), HumanMessage("Weather?", name="Ann"), AIMessage("", tool_calls=[call])),
        *(ToolMessage([{"type": "text", "text": "Sunny."}], tool_call_id="call_1"), AIMessage("Sunny."), HumanMessage("Thanks.")),
    ]
    assert few.invoke(messages, stop=["\n\n"], seed=1).text


@check("some tools allowed")
def _():
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "time"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    calls = model.bind_tools([weather, time], tool_choice=choice).invoke(ASK).tool_calls
    assert [call["name"] for call in calls] == ["time"], calls


@check("errors")
def _():
    refused(lambda: few.invoke("word " * 20_000), lambda error: isinstance(error, ContextOverflowError))
    refused(
        lambda: ChatOpenAI(**{**settings, "model": "gpt-4o"}, http_client=counting).invoke("Hello."),
        lambda error: isinstance(error, openai.NotFoundError),
    )
    refused(lambda: few.invoke("Hello.", temperature=3), lambda error: isinstance(error, openai.BadRequestError))
    slow = ChatOpenAI(**{**settings, "max_tokens": 2000}, timeout=0.2, max_retries=0)
    refused(lambda: slow.invoke("Tell a long story."), lambda error: isinstance(error, openai.APITimeoutError))
