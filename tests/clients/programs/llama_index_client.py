"""LlamaIndex, with the class that it has for servers like this one."""

import asyncio

import openai
from checks import ASK, DESCRIBE, MAX_TOKENS, MODEL, UNENFORCEABLE, URL, City, Place, check, counting, refused, weather
from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from workflows.errors import WorkflowRuntimeError

settings = {
    **{"model": MODEL, "api_base": URL, "api_key": "none", "temperature": 0, "max_tokens": MAX_TOKENS},
    **{"is_chat_model": True, "is_function_calling_model": True, "context_window": 4096, "http_client": counting},
}
model = OpenAILike(**settings, should_use_structured_outputs=True)
tool = FunctionTool.from_defaults(fn=weather)


def is_call(response):
    calls = model.get_tool_calls_from_response(response)
    assert calls[0].tool_name == "weather", calls
    Place.model_validate(calls[0].tool_kwargs)
    return calls[0]


@check("structured output")
def _():
    for llm in (model, OpenAILike(**settings, should_use_structured_outputs=False)):
        assert isinstance(llm.as_structured_llm(City).complete(DESCRIBE).raw, City)


@check("call")
def _():
    is_call(model.chat_with_tools([tool], user_msg=ASK, tool_required=True))


@check("call, streamed")
def _():
    is_call(list(model.stream_chat_with_tools([tool], user_msg=ASK, tool_required=True))[-1])


@check("result handed back")
def _():
    history = [ChatMessage(role="user", content=ASK)]
    response = model.chat_with_tools([tool], chat_history=history, tool_required=True)
    call = is_call(response)
    result = str(tool(**call.tool_kwargs))
    history += [response.message, ChatMessage(role="tool", content=result, additional_kwargs={"tool_call_id": call.tool_id})]
    assert model.chat(history).message.content


@check("structured output, streamed")
def _():
    pieces = list(model.as_structured_llm(City).stream_chat([ChatMessage(role="user", content=DESCRIBE)]))
    assert len(pieces) > 2 and isinstance(pieces[-1].raw, City), pieces
    pieces = list(model.stream_structured_predict(City, PromptTemplate("Describe {what} as JSON."), what="Paris"))
    City.model_validate(pieces[-1].model_dump())


@check("tools are run by an agent")
def _():
    async def run():
        few = OpenAILike(**{**settings, "max_tokens": 20})
        for streaming in (False, True):
            agent = FunctionAgent(
                tools=[tool], llm=few, system_prompt="Use the tools.", initial_tool_choice="weather", streaming=streaming
            )
            handler = agent.run(ASK, max_iterations=3)
            results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
            try:
                await handler
            except WorkflowRuntimeError:
                # A small model may call until it may not.
                pass
            assert results and "sunny" in str(results[0].tool_output.content), results

    asyncio.run(run())


@check("asynchronous")
def _():
    async def run():
        few = OpenAILike(**{**settings, "max_tokens": 5})
        assert (await few.acomplete("Say hello.")).text
        pieces = [piece.delta async for piece in await few.astream_chat([ChatMessage(role="user", content="Say hello.")])]
        assert len(pieces) > 2, pieces

    asyncio.run(run())


@check("logprobs")
def _():
    few = OpenAILike(**{**settings, "max_tokens": 2}, logprobs=True, top_logprobs=2)
    logprobs = few.chat([ChatMessage(role="user", content="Say hello.")]).logprobs
    assert [len(token) for token in logprobs] == [2, 2], logprobs


@check("refusal")
def _():
    schema = {"name": "x", "strict": True, "schema": UNENFORCEABLE}
    refused(
        lambda: model.chat(
            [ChatMessage(role="user", content=ASK)], response_format={"type": "json_schema", "json_schema": schema}
        ),
        lambda error: isinstance(error, openai.BadRequestError) and error.code == "unsupported_schema",
    )
