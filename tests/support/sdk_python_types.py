"""Drives a server with the official Python client, which raises where an answer is not of the type that it has for it: sdk_python_types.py URL.

Prints a line for each check: its name, a tab, and "ok" or what went wrong.
"""

import sys
import traceback

import openai

client = openai.OpenAI(
    base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
)
SCHEMA = {"name": "sum", "description": "A sum.", "schema": {"type": "object", "properties": {}}, "strict": True}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def complete(record, *unset):
    """Every field of the type was in the answer."""
    lacking = set(type(record).model_fields) - record.model_fields_set - set(unset)
    assert not lacking, f"{type(record).__name__} lacks {sorted(lacking)}"
    return record


def an_assistant_is_of_its_type():
    assistants = client.beta.assistants
    for more in (
        {},
        {"response_format": "auto", "instructions": "Count.", "name": "N", "description": "D", "top_p": 0.5},
        {"response_format": {"type": "json_schema", "json_schema": SCHEMA}, "tools": [TOOL], "metadata": {"a": "b"}},
    ):
        made = complete(assistants.create(model="echo", **more))
        for name, value in more.items():
            assert made.to_dict()[name] == value, (name, made)
        assert complete(assistants.retrieve(made.id)) == made
        assert complete(assistants.update(made.id, name="x")).name == "x"
        assert made.id in [complete(one).id for one in assistants.list()]
        assert complete(assistants.delete(made.id)).deleted
    assert complete(assistants.retrieve("jan")).instructions


def a_thread_is_of_its_type():
    threads = client.beta.threads
    for more in ({}, {"messages": [{"role": "user", "content": "hi"}], "metadata": {"a": "b"}, "tool_resources": {}}):
        made = complete(threads.create(**more))
        assert complete(threads.retrieve(made.id)).metadata == made.metadata
        assert complete(threads.update(made.id, metadata={"c": "d"})).metadata["c"] == "d"
        assert complete(threads.delete(made.id)).deleted


def a_message_is_of_its_type():
    threads = client.beta.threads
    thread = threads.create()
    messages = threads.messages
    assert list(messages.list(thread.id)) == []
    for role, content in (("user", "hi"), ("assistant", "yes"), ("user", [{"type": "text", "text": "a"}])):
        made = complete(messages.create(thread.id, role=role, content=content, attachments=[]))
        assert complete(messages.retrieve(made.id, thread_id=thread.id)) == made
        assert complete(messages.update(made.id, thread_id=thread.id, metadata={"a": "b"})).metadata == {"a": "b"}
    listed = [complete(one) for one in messages.list(thread.id, limit=2, order="asc")]
    assert len(listed) == 3, listed
    assert complete(messages.delete(made.id, thread_id=thread.id)).deleted


def a_model_is_of_its_type():
    # No model here is to be shut down.
    assert [complete(one, "shutdown_date").id for one in client.models.list()] == ["echo"]
    assert complete(client.models.retrieve("echo"), "shutdown_date").id == "echo"


def an_answer_is_of_its_type():
    ask = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
    answer = client.chat.completions.create(**ask)
    message = answer.choices[0].message
    assert (message.content, message.refusal) == ("hi", None), answer
    with client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}) as stream:
        assert [chunk.usage is not None for chunk in stream][-1]


for name, check in list(globals().items()):
    if not name.endswith("_of_its_type"):
        continue
    try:
        check()
        print(name.replace("_", " "), "ok", sep="\t")
    except Exception:
        print(name.replace("_", " "), traceback.format_exc().replace("\n", " | "), sep="\t")
