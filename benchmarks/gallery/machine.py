"""What a run was measured on; a figure says little without it."""

from __future__ import annotations

import os
import platform
import subprocess

import numpy as np
import psutil

from benchmarks.gallery.database import GB


def machine() -> str:
    """Say what this was measured on."""
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / GB
    load = os.getloadavg()[0]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GB, load {load:.1f} at the start;"
        f" Python {platform.python_version()}, numpy {np.__version__}, geofix at {commit or '?'}"
    )


def _processor() -> str:
    if not os.path.exists("/proc/cpuinfo"):
        return platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
