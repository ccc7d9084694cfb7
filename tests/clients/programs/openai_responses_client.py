"""OpenAI's client asks for responses, as programs do that keep the conversation themselves."""

import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, UNENFORCEABLE, URL, City, Place, check, counting, refused, weather

responses = openai.OpenAI(base_url=URL, api_key="none", http_client=counting).responses
WEATHER = openai.pydantic_function_tool(Place, name="get_weather")["function"]


def ask(content, **more):
    return {"model": MODEL, "temperature": 0, "max_output_tokens": MAX_TOKENS, "input": content, **more}


called = ask(ASK, tools=[{"type": "function", **WEATHER}], tool_choice="required", parallel_tool_calls=False)


@check("a text")
def _():
    response = responses.create(**ask("Hello", instructions="Be brief.", max_output_tokens=20))
    assert response.output_text, response
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


@check("a stream")
def _():
    # Its collector takes an answer that was cut for none.
    with responses.stream(**ask([{"role": "user", "content": DESCRIBE}], text_format=City)) as stream:
        events = list(stream)
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text, events
    assert [event.sequence_number for event in events] == list(range(len(events))), events


@check("a parsed answer")
def _():
    assert isinstance(responses.parse(**ask(DESCRIBE, text_format=City)).output_parsed, City)


@check("a call of a tool, and its answer")
def _():
    first = responses.create(**called)
    (call,) = [item for item in first.output if item.type == "function_call"]
    place = Place.model_validate_json(call.arguments)
    output = {"type": "function_call_output", "call_id": call.call_id, "output": weather(place.city)}
    items = [{"role": "user", "content": ASK}, *first.output, output]
    assert responses.create(**{**called, "input": items, "tool_choice": "none"}).output_text


@check("the count of an input")
def _():
    asked = {"model": MODEL, "input": "Hello", "instructions": "Be brief."}
    count = responses.input_tokens.count(**asked).input_tokens
    assert responses.create(**asked, max_output_tokens=1).usage.input_tokens == count


@check("refusal")
def _():
    text = {"format": {"type": "json_schema", "name": "a", "strict": True, "schema": UNENFORCEABLE}}
    refused(lambda: responses.create(**ask("Hello", text=text)), lambda error: error.param == "text.format.schema")
    refused(
        lambda: responses.create(**ask("Hello", previous_response_id="resp_1")),
        lambda error: error.param == "previous_response_id",
    )
