"""OpenAI's client asks for completions: texts and tokens, one and several, streamed and not."""

import openai
from checks import MODEL, URL, check, counting, refused

completions = openai.OpenAI(base_url=URL, api_key="none", http_client=counting).completions
PROMPT = "The capital of France is"


def complete(**more):
    return completions.create(**{"model": MODEL, "prompt": PROMPT, "max_tokens": 8, "temperature": 0, **more})


def streamed(**more):
    texts, reasons, usage = {}, {}, None
    for chunk in complete(stream=True, stream_options={"include_usage": True}, **more):
        assert chunk.object == "text_completion", chunk
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    return texts, reasons, usage


@check("text")
def _():
    answer = complete()
    assert answer.object == "text_completion" and answer.choices[0].text, answer
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer


@check("text, streamed")
def _():
    answer = complete()
    texts, reasons, usage = streamed()
    assert texts == {0: answer.choices[0].text}, texts
    assert reasons == {0: answer.choices[0].finish_reason}, reasons
    assert usage.total_tokens == answer.usage.total_tokens, usage


@check("several prompts, streamed")
def _():
    prompt = [PROMPT, "One, two, three,"]
    choices = complete(prompt=prompt).choices
    assert streamed(prompt=prompt)[0] == {choice.index: choice.text for choice in choices}, choices


@check("tokens")
def _():
    assert complete(prompt=[504, 3575, 282], echo=True).choices[0].text


@check("echo, and choices")
def _():
    choices = complete(echo=True, n=2, temperature=1, seed=1).choices
    assert [choice.index for choice in choices] == [0, 1], choices
    assert all(choice.text.startswith(PROMPT) for choice in choices), choices


@check("logprobs")
def _():
    choice = complete(logprobs=2).choices[0]
    assert "".join(choice.logprobs.tokens) == choice.text, choice
    assert len(choice.logprobs.text_offset) == len(choice.logprobs.token_logprobs), choice
    assert all(logprob <= 0 for logprob in choice.logprobs.token_logprobs), choice


@check("stop")
def _():
    text = complete().choices[0].text
    stop = text[3:6]
    choice = complete(stop=stop).choices[0]
    assert (choice.text, choice.finish_reason) == (text[: text.index(stop)], "stop"), choice


@check("refusal")
def _():
    refused(
        lambda: complete(suffix="."),
        lambda error: type(error) is openai.BadRequestError and error.param == "suffix" and error.code == "unsupported_parameter",
    )
