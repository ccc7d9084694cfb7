"""guidance, which always streams."""

import json

import guidance
from checks import ASK, DESCRIBE, MODEL, UNENFORCEABLE, URL, City, check, refused
from guidance import assistant, gen, system, user

model = guidance.models.OpenAI(MODEL, api_key="none", base_url=URL, echo=False)


def answer(question, generate):
    state = model
    with user():
        state += question
    with assistant():
        state += generate
    return state["answer"]


@check("text")
def _():
    assert answer(ASK, gen("answer", max_tokens=10, temperature=0))


@check("structured output")
def _():
    City.model_validate_json(answer(DESCRIBE, guidance.json("answer", schema=City, temperature=0)))


@check("JSON of any kind")
def _():
    try:
        json.loads(answer(DESCRIBE, guidance.json("answer", temperature=0, max_tokens=200)))
    except json.JSONDecodeError:
        # A small model may not come to an end.
        pass


@check("turns")
def _():
    state = model
    with system():
        state += "Be brief."
    for name in ("first", "second"):
        with user():
            state += ASK
        with assistant():
            state += gen(name, max_tokens=8, temperature=1)
    assert state["first"] and state["second"], state


@check("tools are run")
def _():
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"It is sunny in {city}."

    state = model
    with user():
        state += ASK
    with assistant():
        state += gen(tools=[weather], tool_choice="required")
    assert "It is sunny in" in str(state), state


@check("refusal")
def _():
    refused(
        lambda: answer(ASK, guidance.json("answer", schema=UNENFORCEABLE)),
        lambda error: "uniqueItems" in str(error),
    )
