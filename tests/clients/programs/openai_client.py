"""OpenAI's client: `parse` and its streams."""

import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, UNENFORCEABLE, URL, City, Place, check, counting, refused, weather

completions = openai.OpenAI(base_url=URL, api_key="none", http_client=counting).chat.completions


def ask(content, **more):
    messages = [{"role": "user", "content": content}]
    return {"model": MODEL, "temperature": 0, "max_tokens": MAX_TOKENS, "messages": messages, **more}


city = ask(DESCRIBE, response_format=City)
called = ask(ASK, tools=[openai.pydantic_function_tool(Place)], tool_choice="required")


def collected(request):
    with completions.stream(**request) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_completion().choices


def is_call(choice):
    assert choice.finish_reason == "tool_calls", choice
    assert isinstance(choice.message.tool_calls[0].function.parsed_arguments, Place), choice


@check("structured output")
def _():
    assert isinstance(completions.parse(**city).choices[0].message.parsed, City)


@check("structured output, streamed")
def _():
    kinds, choices = collected(city)
    assert kinds.count("content.delta") > 4, kinds
    assert isinstance(choices[0].message.parsed, City), choices


@check("call")
def _():
    is_call(completions.parse(**called).choices[0])


@check("call, streamed")
def _():
    kinds, choices = collected(called)
    assert kinds.count("tool_calls.function.arguments.delta") > 2, kinds
    is_call(choices[0])


@check("result handed back")
def _():
    message = completions.parse(**called).choices[0].message
    call = message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": weather(call.function.parsed_arguments.city)}
    messages = [*called["messages"], message.to_dict(), result]
    assert completions.create(**{**called, "messages": messages, "tool_choice": "none"}).choices[0].message.content


@check("choices")
def _():
    many = {**city, "n": 3, "temperature": 1, "seed": 1}
    for choices in (completions.parse(**many).choices, collected(many)[1]):
        assert [choice.index for choice in choices] == [0, 1, 2], choices
        assert all(isinstance(choice.message.parsed, City) for choice in choices), choices


@check("logprobs")
def _():
    # Its collector takes an answer that was cut for an error.
    request = {**city, "logprobs": True, "top_logprobs": 2}
    for choices in (completions.parse(**request).choices, collected(request)[1]):
        tokens = choices[0].logprobs.content
        assert "".join(token.token for token in tokens) == choices[0].message.content, tokens
        assert all(len(token.top_logprobs) == 2 for token in tokens), tokens


@check("refusal")
def _():
    schema = {"name": "x", "strict": True, "schema": UNENFORCEABLE}
    refused(
        lambda: completions.create(**{**city, "response_format": {"type": "json_schema", "json_schema": schema}}),
        lambda error: type(error) is openai.BadRequestError and error.code == "unsupported_schema",
    )
