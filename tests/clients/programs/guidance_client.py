"""guidance, which always streams."""

import guidance
from checks import ASK, DESCRIBE, MODEL, UNENFORCEABLE, URL, City, check, refused
from guidance import assistant, gen, user

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


@check("refusal")
def _():
    refused(
        lambda: answer(ASK, guidance.json("answer", schema=UNENFORCEABLE)),
        lambda error: "uniqueItems" in str(error),
    )
