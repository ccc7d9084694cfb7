"""OpenAI's client asks for embeddings: of one text and of several, as numbers and in base64, which is what it asks for by itself, whole and cut."""

import array
import asyncio
import base64
import math

import openai
from checks import MODEL, URL, check, counting, refused

client = openai.OpenAI(base_url=URL, api_key="none", http_client=counting)
TEXTS = ["The cat sleeps on the mat.", "A kitten is napping on a rug.", "Shares of banks fell sharply on Monday."]
DIMENSIONS = 384


def embed(**more):
    return client.embeddings.create(**{"model": MODEL, "input": TEXTS, **more})


def product(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def is_almost(a, b):
    assert abs(a - b) < 1e-4, f"{a} is not {b}"


@check("several texts")
def _():
    answer = embed()
    assert answer.object == "list", answer
    assert [(one.index, len(one.embedding)) for one in answer.data] == [(index, DIMENSIONS) for index in range(3)]
    for one in answer.data:
        is_almost(product(one.embedding, one.embedding), 1)
    cat, kitten, shares = (one.embedding for one in answer.data)
    assert product(cat, kitten) > product(cat, shares) + 0.2
    assert answer.usage.prompt_tokens > 20 and answer.usage.total_tokens == answer.usage.prompt_tokens, answer.usage


@check("numbers and base64")
def _():
    decoded, numbers = (embed(**more).data[2].embedding for more in ({}, {"encoding_format": "float"}))
    coded = array.array("f", base64.b64decode(embed(encoding_format="base64").data[2].embedding))
    # Texts are computed together as they come, and that is in the last digits.
    for one, other, third in zip(decoded, numbers, coded, strict=True):
        is_almost(one, other)
        is_almost(third, other)


@check("one text, and tokens")
def _():
    text = embed(input=TEXTS[0]).data[0].embedding
    is_almost(product(embed().data[0].embedding, text), 1)
    tokens = client.post("/tokenize", body={"model": MODEL, "content": TEXTS[0]}, cast_to=object)["tokens"]
    for one in embed(input=[tokens, tokens]).data:
        is_almost(product(one.embedding, text), 1)


@check("dimensions")
def _():
    whole, cut = embed().data[0].embedding, embed(dimensions=64).data[0].embedding
    assert len(cut) == 64
    is_almost(product(cut, cut), 1)
    is_almost(product(cut, whole[:64]), math.hypot(*whole[:64]))


@check("asynchronous")
def _():
    async def run():
        async with openai.AsyncOpenAI(base_url=URL, api_key="none") as client:
            return await asyncio.gather(*(client.embeddings.create(model=MODEL, input=text) for text in TEXTS))

    for alone, among in zip(asyncio.run(run()), embed().data, strict=True):
        is_almost(product(alone.data[0].embedding, among.embedding), 1)


@check("refusal")
def _():
    for fields, param in [
        ({"dimensions": 1_000}, "dimensions"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a", "word " * 600]}, "input[1]"),
    ]:
        refused(
            lambda: embed(**fields),
            lambda error: type(error) is openai.BadRequestError and error.param == param,
        )
