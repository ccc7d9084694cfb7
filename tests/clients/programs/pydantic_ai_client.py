"""pydantic-ai, whose agents call tools and answer by a schema."""

import asyncio

from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, URL, City, Place, check, refused, weather
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior
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


@check("tools in a loop")
def _():
    def time(city: str) -> dict[str, int]:
        """The time in a city."""
        return {"hour": len(city)}

    def more(context):
        return {**settings, "tool_choice": "required", "parallel_tool_calls": False} if context.run_step <= 3 else settings

    async def run():
        agent = Agent(model, instructions="Use the tools.", tools=[weather, time])
        async with agent.iter(ASK, model_settings=more) as run:
            async for _ in run:
                if run.ctx.state.run_step == 4:
                    break
        messages = run.all_messages()
        results = [part for message in messages for part in message.parts if part.part_kind == "tool-return"]
        assert len(results) == 3, messages
        # What was said so far goes on with another question.
        answer = await Agent(model, model_settings={**settings, "max_tokens": 5}).run("And now?", message_history=messages[:3])
        assert answer.output and answer.usage.input_tokens > 20, answer

    asyncio.run(run())


@check("events of a stream")
def _():
    async def run():
        agent = Agent(model, output_type=ToolOutput(City), model_settings=settings)
        async with agent.run_stream_events(DESCRIBE) as events:
            kinds = [event.event_kind async for event in events]
        assert kinds.count("part_delta") > 3 and kinds[-1] == "agent_run_result", kinds

    asyncio.run(run())


@check("one of several schemas, and one in the prompt")
def _():
    either = Agent(model, output_type=[City, Place], model_settings=settings).run_sync(DESCRIBE).output
    assert isinstance(either, (City, Place)), either
    prompted = Agent(model, output_type=PromptedOutput(City), model_settings={**settings, "max_tokens": 400}, retries=0)
    try:
        prompted.run_sync(DESCRIBE)
    except UnexpectedModelBehavior:
        # It asks for JSON of any kind, and a small model forgets the schema.
        pass


@check("what was wrong is handed back")
def _():
    agent = Agent(model, output_type=ToolOutput(City), model_settings=settings, retries=1)
    tries = []

    @agent.output_validator
    def second(city: City) -> City:
        tries.append(city)
        if len(tries) == 1:
            raise ModelRetry("Say it again.")
        return city

    assert isinstance(agent.run_sync(DESCRIBE).output, City) and len(tries) == 2, tries


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
