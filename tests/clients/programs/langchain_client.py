"""LangChain in Python."""

import langchain_core.tools
import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, UNENFORCEABLE, URL, City, Place, check, counting, refused
from checks import weather as weather_in
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model=MODEL, base_url=URL, api_key="none", temperature=0, max_tokens=MAX_TOKENS, http_client=counting
)
weather = langchain_core.tools.tool("weather", args_schema=Place)(weather_in)
calling = model.bind_tools([weather], tool_choice="any")


def is_call(message):
    assert message.tool_calls[0]["name"] == "weather", message
    Place.model_validate(message.tool_calls[0]["args"])
    assert message.invalid_tool_calls == [], message


@check("structured output")
def _():
    for method in ("json_schema", "function_calling"):
        assert isinstance(model.with_structured_output(City, method=method).invoke(DESCRIBE), City)


@check("structured output, streamed")
def _():
    pieces = list(model.with_structured_output(City.model_json_schema()).stream(DESCRIBE))
    assert len(pieces) > 2, pieces
    City.model_validate(pieces[-1])


@check("call")
def _():
    is_call(calling.invoke(ASK))


@check("call, streamed")
def _():
    pieces = list(calling.stream(ASK))
    assert len(pieces) > 2, pieces
    is_call(sum(pieces[1:], pieces[0]))


@check("result handed back")
def _():
    call = calling.invoke(ASK)
    messages = [HumanMessage(ASK), call, weather.invoke(call.tool_calls[0])]
    assert model.bind_tools([weather], tool_choice="none").invoke(messages).text


@check("choices")
def _():
    generations = model.generate([[HumanMessage("Say hello.")]], n=2, temperature=1).generations
    assert len(generations[0]) == 2, generations


@check("logprobs")
def _():
    answer = model.bind(logprobs=True, top_logprobs=2, max_tokens=2).invoke("Say hello.")
    assert len(answer.response_metadata["logprobs"]["content"]) == 2, answer


@check("refusal")
def _():
    schema = {"title": "x", **UNENFORCEABLE}
    refused(
        lambda: model.with_structured_output(schema, method="json_schema", strict=True).invoke("Hello."),
        lambda error: isinstance(error, openai.BadRequestError) and error.code == "unsupported_schema",
    )
