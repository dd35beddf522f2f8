"""A multimodal model in this process as a LangChain chat model, by name or by object."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError

from geofix.tools.errors import ModelError
from geofix.tools.transformers_chat.checkpoint import Checkpoint, find_checkpoint
from geofix.tools.transformers_chat.prompt import chat_of
from geofix.tools.transformers_chat.wish import structured, wish_of

if TYPE_CHECKING:
    from geofix.tools.transformers_chat.loading import LoadedModel


class BusyError(TimeoutError):
    """The model was busy with other questions until the time-out."""


class Weights:
    """Shared by all copies of a chat model, whatever their temperature."""

    def __init__(self, load: Callable[[], LoadedModel]) -> None:
        """Prepare; nothing is read.

        Args:
            load: Reads the weights.
        """
        self._load = load
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None

    @property
    def loaded(self) -> LoadedModel | None:
        """What is in memory, if anything is."""
        return self._loaded

    @contextmanager
    def in_use(self, deadline: float | None) -> Iterator[LoadedModel]:
        """Give the model to this thread alone; the first to come waits while it is read.

        Args:
            deadline: Until when to wait for others, on the clock of `time.monotonic`.

        Raises:
            BusyError: The deadline came first.
            ModelError: The model cannot be loaded.
        """
        left = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
        if not self._lock.acquire(timeout=left):
            raise BusyError("the model was busy with other questions until the time-out")
        try:
            if self._loaded is None:
                self._loaded = self._load()
            yield self._loaded
        finally:
            self._lock.release()

    def close(self) -> None:
        """Free the memory once its user has finished; the next use reads the weights again."""
        with self._lock:
            if self._loaded is None:
                return
            self._loaded = None
            gc.collect()
            # Imported by whoever loaded the weights.
            import torch  # noqa: PLC0415

            if torch.cuda.is_available():
                torch.cuda.empty_cache()


class TransformersChat(BaseChatModel):
    """Answers with a model that transformers runs here; copies share its weights.

    Options of a call (`bind` or `invoke`): `n` answers from one reading of the prompt;
    `response_schema`, a JSON schema or pydantic class the answer is held to; `timeout`, seconds
    from the call on; and `temperature`, `max_new_tokens`, `think` and `think_tokens` instead of
    the fields below.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    """Folder, hub id, or `hub id@revision`."""
    device: str | None = None
    """As torch spells it, or "auto" for all GPUs; by default CUDA, then MPS, then the CPU."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    quantization: Literal["4bit", "8bit"] | None = None
    """Quantizes the weights; needs the package bitsandbytes."""
    temperature: float | None = Field(default=None, ge=0)
    """None leaves sampling to the model's own settings."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest answer, thoughts not counted."""
    timeout_s: float | None = Field(default=None, gt=0)
    """Longest time for one call, from when the model is loaded and free for it."""
    n: int = Field(default=1, ge=1)
    """Answers of one call."""
    think: bool = False
    """Whether a model that is to answer in a schema writes freely first."""
    think_tokens: int = Field(default=512, ge=1)
    """Most tokens of that."""
    offline: bool = False
    """Whether calls that leave this machine, such as downloads of weights, are forbidden."""
    in_process: bool = Field(default=True, frozen=True)
    """Nothing leaves this machine."""

    _weights: Weights = PrivateAttr()
    _checkpoint: Checkpoint | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any, /) -> None:
        """Find the files; nothing of size is read and nothing is fetched.

        Raises:
            ModelError: There is no such folder, the model is not here and must not be fetched, or
                the extra `local` is not installed.
        """
        super().model_post_init(context)
        if find_spec("xgrammar") is None:
            raise ModelError(
                f"the model {self.model!r} in this process needs the package 'xgrammar'; install it"
                " with pip install 'geofix[local]'"
            )
        self._checkpoint = find_checkpoint(self.model, download=False, offline=self.offline)
        self._weights = Weights(self._load)

    @property
    def revision(self) -> str | None:
        """Commit or fingerprint of the weights; None while they are not on this machine."""
        if self._weights.loaded is not None:
            return self._weights.loaded.checkpoint.revision
        return None if self._checkpoint is None else self._checkpoint.revision

    def close(self) -> None:
        """Free the memory of the weights; the next call reads them again."""
        self._weights.close()

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        """Return a chain whose answers fit `schema`, a pydantic class or JSON schema.

        Raises:
            ModelError: The schema is neither.
        """
        return structured(self, schema, include_raw=include_raw)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        fields = ("model", "device", "dtype", "quantization", "max_new_tokens", "think")
        return {"revision": self.revision, **{name: getattr(self, name) for name in fields}}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(
            ls_provider="transformers",
            ls_model_name=self.model,
            ls_model_type="chat",
            ls_temperature=self.temperature,
            ls_max_tokens=self.max_new_tokens,
        )

    def _load(self) -> LoadedModel:
        # Seconds to import; whoever only names a model needs none of it.
        from geofix.tools.transformers_chat.loading import load, load_options  # noqa: PLC0415

        options = load_options(self.device, self.dtype, self.quantization)
        checkpoint = self._checkpoint or find_checkpoint(
            self.model, download=True, offline=self.offline
        )
        if checkpoint is None:
            raise ModelError(f"the model {self.model!r} could not be downloaded")
        return load(checkpoint, options)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from geofix.tools.transformers_chat.generation import generate  # noqa: PLC0415
        from geofix.tools.transformers_chat.replies import result_of  # noqa: PLC0415
        from geofix.tools.transformers_chat.wish import Watch  # noqa: PLC0415

        chat, wish, until = chat_of(messages), wish_of(self, stop, kwargs), _until(kwargs)
        with self._weights.in_use(until) as loaded:
            made = generate(loaded, chat, wish, Watch(self._deadline(until)))
            return result_of(loaded, made, wish)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        from geofix.tools.transformers_chat.generation import generate  # noqa: PLC0415
        from geofix.tools.transformers_chat.replies import stream  # noqa: PLC0415
        from geofix.tools.transformers_chat.wish import Watch  # noqa: PLC0415

        chat, wish, until = chat_of(messages), wish_of(self, stop, kwargs), _until(kwargs)
        with self._weights.in_use(until) as loaded:
            deadline = self._deadline(until)
            for chunk in stream(
                loaded,
                lambda hear: Watch(deadline, hear),
                lambda watch: generate(loaded, chat, wish, watch),
                wish.stop,
            ):
                if run_manager is not None:
                    run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
                yield chunk

    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        # A stream is of one answer.
        several = (kwargs.get("n") or self.n) > 1
        return not several and super()._should_stream(
            async_api=async_api, run_manager=run_manager, **kwargs
        )

    def _deadline(self, until: float | None) -> float | None:
        own = None if self.timeout_s is None else time.monotonic() + self.timeout_s
        return min((one for one in (own, until) if one is not None), default=None)


def _until(options: dict[str, Any]) -> float | None:
    timeout = options.get("timeout")
    return None if timeout is None else time.monotonic() + float(timeout)


OPTIONS = (
    "device",
    "dtype",
    "max_new_tokens",
    "quantization",
    "temperature",
    "think",
    "think_tokens",
)
"""What a name may say behind a question mark: fields of `TransformersChat`."""


def model_by_name(
    spec: str,
    *,
    timeout_s: float,
    base_url: str | None = None,
    api_key: str | None = None,
    offline: bool = False,
) -> TransformersChat:
    """Return the model; its weights are read at the first question.

    Args:
        spec: Such as `transformers:Qwen/Qwen2.5-VL-7B-Instruct`, with a commit or tag behind an
            `@` and options as in an address: `transformers:/models/qwen?quantization=4bit`.
        timeout_s: Longest time for one answer, once its turn came, seconds.
        base_url: Rejected, since there is no server.
        api_key: Rejected for the same reason.
        offline: Whether calls that leave this machine, such as downloads, are forbidden.

    Raises:
        ModelError: There is no such folder, an option is unknown or out of range, or the model is
            not on this machine and downloads are forbidden.
    """
    if base_url is not None or api_key is not None:
        raise ModelError(
            f"the model {spec!r} runs in this process and takes neither an address nor a key; unset"
            " GEOFIX_MODEL_URL and GEOFIX_MODEL_API_KEY"
        )
    name, _, query = spec.partition(":")[2].partition("?")
    options: dict[str, Any] = {"temperature": 0.0, **_options(spec, query)}
    try:
        return TransformersChat(model=name, timeout_s=timeout_s, offline=offline, **options)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"the model {spec!r} cannot be set up: {wrong}") from None


def _options(spec: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        raise ModelError(
            f"the model {spec!r} has no option {unknown[0]!r}; its options are {', '.join(OPTIONS)}"
        )
    return options
