"""Multimodal models in this process, by transformers, as LangChain chat models.

Importing this package imports neither torch nor transformers; the first question does.
"""

from __future__ import annotations

from geofix.tools.transformers_chat.model import TransformersChat, model_by_name

__all__ = ["TransformersChat", "model_by_name"]
