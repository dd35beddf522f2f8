"""What asking costs beside the bare client: one call to a server on loopback that answers at once.

The peer is openai's own client with the same picture, words and schema, its answer read by
pydantic. Ours adds LangChain, the check for metadata, the description of what is sent, and the
reading. Between them, for comparison, LangChain's client as its users call it.
"""

from __future__ import annotations

import base64
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.utils.function_calling import convert_to_openai_function
from pydantic import BaseModel

from geofix.tools.models.ask import ask
from geofix.tools.models.load import NO_KEY, load_chat_model
from geofix.tools.photo.read import read_photo, to_jpeg
from geofix.tools.photo.samples import sample_path

REPEATS = 200
SIDE_PX = 1024
WORDS = "Image 1 is the photo to locate."


class Place(BaseModel):
    """Where the photo was taken."""

    name: str
    latitude: float | None
    longitude: float | None


ANSWER = Place(name="Paris", latitude=48.8867, longitude=2.3431).model_dump_json()
RESPONSE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 812, "completion_tokens": 64, "total_tokens": 876},
    }
).encode()


class _AtOnce(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else head and body go as two packets, and the second waits 40 ms for an acknowledgment.
    wbufsize = -1

    def do_POST(self) -> None:
        """Read the request and answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(RESPONSE)))
        self.end_headers()
        self.wfile.write(RESPONSE)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the report clean."""


@contextmanager
def server() -> Iterator[str]:
    """Run it in a thread; gives the address clients want."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), _AtOnce)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1"
    finally:
        running.shutdown()
        running.server_close()


def times_ms(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median time of each way, in milliseconds, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS + 5):
        for name, work in ways.items():
            start = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - start) * 1000)
    # The first few warm up.
    return {name: statistics.median(taken[5:]) for name, taken in times.items()}


def ways(url: str, picture: str) -> dict[str, Callable[[], object]]:
    """Return each way to ask."""
    bare = openai.OpenAI(base_url=url, api_key=NO_KEY, max_retries=0)
    function = convert_to_openai_function(Place, strict=True)
    schema = {"name": "Place", "schema": function["parameters"], "strict": True}
    image = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}}
    model = load_chat_model("openai:tiny", base_url=url)
    block = {"type": "image", "base64": picture, "mime_type": "image/jpeg"}
    question: list[BaseMessage] = [HumanMessage([{"type": "text", "text": WORDS}, block])]

    def by_openai() -> Place:
        made = bare.chat.completions.create(
            model="tiny",
            temperature=0,
            messages=[{"role": "user", "content": [{"type": "text", "text": WORDS}, image]}],  # type: ignore[list-item,misc]
            response_format={"type": "json_schema", "json_schema": schema},  # type: ignore[typeddict-item]
        )
        return Place.model_validate_json(made.choices[0].message.content or "")

    return {
        "openai's client": by_openai,
        "langchain-openai": lambda: model.with_structured_output(
            Place, method="json_schema", include_raw=True
        ).invoke(question),
        "geofix": lambda: ask(model, question, Place, before_send=lambda one: None),
    }


def main() -> None:
    """Measure and print."""
    pixels = read_photo(sample_path()).pixels
    pixels.thumbnail((SIDE_PX, SIDE_PX))
    jpeg = to_jpeg(pixels)
    with server() as url:
        taken = times_ms(ways(url, base64.b64encode(jpeg).decode()))
    bare = taken["openai's client"]
    print(f"one call with a photo of {len(jpeg):,} bytes, median of {REPEATS}")  # noqa: T201
    for name, ms in taken.items():
        print(f"{name:18} {ms:6.2f} ms  {ms / bare:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
