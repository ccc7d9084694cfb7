"""pydantic-ai, whose agents call tools and answer by a schema."""

import asyncio

from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, URL, City, check, refused, weather
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key="none"))
settings = {"temperature": 0, "max_tokens": MAX_TOKENS}


@check("structured output")
def _():
    for kind in (ToolOutput, NativeOutput):
        assert isinstance(Agent(model, output_type=kind(City), model_settings=settings).run_sync(DESCRIBE).output, City)


@check("structured output, streamed")
def _():
    async def pieces(kind):
        async with Agent(model, output_type=kind(City), model_settings=settings).run_stream(DESCRIBE) as answer:
            return [piece async for piece in answer.stream_output(debounce_by=None)]

    for kind in (ToolOutput, NativeOutput):
        assert isinstance(asyncio.run(pieces(kind))[-1], City)


async def first_messages(agent, forced):
    """Those of an agent whose first step is forced and whose next is free."""
    async with agent.iter(ASK, model_settings=lambda context: forced if context.run_step <= 1 else settings) as run:
        async for _ in run:
            pass
    return run.all_messages()


@check("tools are run")
def _():
    forced = {**settings, "tool_choice": ["weather"]}
    messages = asyncio.run(first_messages(Agent(model, tools=[weather], model_settings=settings), forced))
    assert [part.part_kind for part in messages[1].parts] == ["tool-call"], messages
    assert messages[2].parts[0].content.startswith("It is sunny in "), messages


@check("logprobs")
def _():
    few = {**settings, "max_tokens": 2, "openai_logprobs": True, "openai_top_logprobs": 2}
    answer = Agent(model, model_settings=few).run_sync("Say hello.").all_messages()[-1]
    assert isinstance(answer, ModelResponse)
    assert len(answer.provider_details["logprobs"]) == 2, answer


@check("refusal")
def _():
    # It takes out of schemas what OpenAI does not enforce, so the refused value is another one.
    refused(
        lambda: Agent(model, model_settings={"temperature": 3}).run_sync("Hello."),
        lambda error: isinstance(error, ModelHTTPError) and error.body["code"] == "invalid_value",
    )
