"""A chat model bound to a schema, and how what it wrote becomes an object."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from pydantic import BaseModel

from geofix.tools.errors import ModelError


def json_schema_of(schema: Any) -> dict[str, Any]:
    """Return a pydantic class, or a JSON schema, as JSON schema.

    Raises:
        ModelError: It is neither.
    """
    if isinstance(schema, dict):
        return schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    raise ModelError(f"{schema!r} is no schema; give a pydantic class or a JSON schema")


def structured(model: BaseChatModel, schema: Any, *, include_raw: bool) -> Runnable[Any, Any]:
    """Return a chain that gives the object, or `raw`, `parsed` and `parsing_error`.

    Raises:
        ModelError: The schema is none.
    """
    bound = model.bind(response_schema=json_schema_of(schema))
    parser: Runnable[Any, Any] = (
        JsonOutputParser()
        if isinstance(schema, dict)
        else PydanticOutputParser(pydantic_object=schema)
    )
    if not include_raw:
        return bound | parser
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([failed], exception_key="parsing_error")
