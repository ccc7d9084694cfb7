"""LangChain's OpenAIEmbeddings, and a search in its store of vectors."""

import asyncio

import openai
import tiktoken
from checks import MODEL, URL, check, counting, refused
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import OpenAIEmbeddings
from retrieval import DOCUMENTS, QUESTIONS, RIGHT, product

settings = {"model": MODEL, "base_url": URL, "api_key": "none", "http_client": counting}
# Texts as they are: by itself the class sends tokens of OpenAI's vocabulary.
embeddings = OpenAIEmbeddings(**settings, check_embedding_ctx_length=False)


class Tokens:
    """The encoding of a model, as tiktoken has those of OpenAI."""

    def __init__(self, more):
        self.more = more

    def encode_ordinary(self, text):
        answer = openai.OpenAI(base_url=URL, api_key="none").post(
            "/tokenize", body={"model": MODEL, "content": text}, cast_to=object
        )
        return [token + self.more for token in answer["tokens"]]


@check("documents and a query")
def _():
    vectors = embeddings.embed_documents(DOCUMENTS)
    assert [len(vector) for vector in vectors] == [384] * len(DOCUMENTS)
    assert product(vectors[0], embeddings.embed_query(DOCUMENTS[0])) > 0.999


@check("retrieval")
def _():
    store = InMemoryVectorStore.from_texts(DOCUMENTS, embeddings)
    retriever = store.as_retriever(search_kwargs={"k": 1})
    assert [DOCUMENTS.index(retriever.invoke(question)[0].page_content) for question in QUESTIONS] == RIGHT


@check("asynchronous")
def _():
    own = OpenAIEmbeddings(**{**settings, "http_client": None}, check_embedding_ctx_length=False)
    vectors = asyncio.run(own.aembed_documents(DOCUMENTS))
    assert product(vectors[1], embeddings.embed_query(DOCUMENTS[1])) > 0.999


@check("dimensions")
def _():
    assert len(OpenAIEmbeddings(**settings, check_embedding_ctx_length=False, dimensions=64).embed_query("a cat")) == 64


@check("tokens")
def _():
    tiktoken.get_encoding = lambda name: Tokens(0)
    vectors = OpenAIEmbeddings(**settings).embed_documents(DOCUMENTS)
    assert product(vectors[0], embeddings.embed_query(DOCUMENTS[0])) > 0.999


@check("tokens of another vocabulary")
def _():
    tiktoken.get_encoding = lambda name: Tokens(100_000)
    refused(
        lambda: OpenAIEmbeddings(**settings).embed_documents(DOCUMENTS),
        lambda error: isinstance(error, openai.BadRequestError) and error.param == "input[0][0]",
    )
