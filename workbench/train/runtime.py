"""Process-wide settings for fast training: memory allocator, number of threads, device and precision."""
import ctypes
import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch

from workbench.errors import UserError, unknown_name

DEVICES = ("auto", "cpu", "cuda", "mps")


@lru_cache
def disable_heap_trim() -> bool:
    """Stop glibc from returning large blocks to the kernel at each free: training with large temporaries runs 1.5-2x
    faster. Returns whether it was set; other C libraries are left unchanged."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return False
    return bool(libc.mallopt(-3, 2**31 - 1)) and bool(libc.mallopt(-1, 2**31 - 1))  # M_MMAP_, M_TRIM_THRESHOLD


@lru_cache
def bf16_is_fast(device: str) -> bool:
    """Whether bf16 matrix products are at least as fast as fp32 on this machine, measured: on CPUs without bf16
    instructions they can be a hundred times slower."""
    if device != "cpu":
        return device == "cuda" and torch.cuda.is_bf16_supported()
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.ones(128, 128, dtype=dtype)
        a @ a
        start = time.perf_counter()
        a @ a
        seconds[dtype] = time.perf_counter() - start
    return seconds[torch.bfloat16] <= seconds[torch.float32]


def select_device(name: str = "auto") -> torch.device:
    """The torch device for a name; WORKBENCH_DEVICE overrides "auto". UserError if it is unknown or not available."""
    if name == "auto":
        name = os.environ.get("WORKBENCH_DEVICE", "auto")
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if not available[name]:
        devices = ", ".join(kind for kind in available if available[kind])
        raise UserError(f"device {name!r} is not available here; available: {devices}")
    return torch.device(name)


def configure_runtime(name: str = "auto", *, threads: int | None = None) -> torch.device:
    """Configure this process for training and return the device. threads: None for one per core; OMP_NUM_THREADS takes
    precedence if it is set."""
    disable_heap_trim()
    if not os.environ.get("OMP_NUM_THREADS"):
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        torch.set_num_threads(threads or max(1, len(cores)))
    torch.backends.cuda.matmul.allow_tf32 = False
    return select_device(name)


@contextmanager
def peak_memory() -> Iterator[dict[str, float | None]]:
    """The peak memory inside the block above what was in use before, MB, in a dict under "mb" afterwards: of the GPU
    if one is used, else of this process. None where the system does not say (anything but Linux)."""
    peak: dict[str, float | None] = {"mb": None}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
    before = _memory_mb("VmRSS") if _reset_peak() else None
    yield peak
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        peak["mb"] = torch.cuda.max_memory_allocated() / 2**20
    elif before is not None:
        peak["mb"] = max(0.0, _memory_mb("VmHWM") - before)


def _reset_peak() -> bool:
    """Return what is free to the kernel and let it count this process's peak memory from now on; whether it can."""
    gc.collect(1)  # of all generations it takes longer than a small fit
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return False
    return True


def _memory_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
