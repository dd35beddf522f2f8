"""A chat agent of yours that locates the pictures it is shown (needs `pip install langchain`).

python examples/tool_of_an_agent.py openai:gpt-5-mini photo.jpg
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from geofix import Agent, open_agent
from geofix.langgraph import as_tool


def build(agent: Agent, model: Any) -> Any:
    """Return your agent; its model is any that can call tools."""
    return create_agent(model, [as_tool(agent)])


def question(photo: Path) -> HumanMessage:
    """Return a message with a picture."""
    encoded = base64.b64encode(photo.read_bytes()).decode("ascii")
    picture = {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}
    return HumanMessage([{"type": "text", "text": "Where was this taken?"}, picture])


if __name__ == "__main__":
    with open_agent() as agent:
        chat = build(agent, sys.argv[1])
        print(chat.invoke({"messages": [question(Path(sys.argv[2]))]})["messages"][-1].text)
