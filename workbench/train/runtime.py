"""One call that sets what measurements on CPUs asked for: the heap, the threads, the device, no slow half precision."""
import ctypes
import os
import sys
import time
from functools import lru_cache

import torch

from workbench.errors import UserError, unknown

DEVICES = ("auto", "cpu", "cuda", "mps")


@lru_cache
def keep_heap() -> bool:
    """Stop glibc from giving big blocks back to the kernel at each free; training with large temporaries runs 1.5-2x
    faster. True where it was set; other C libraries are left alone."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return False
    return bool(libc.mallopt(-3, 2**31 - 1)) and bool(libc.mallopt(-1, 2**31 - 1))  # M_MMAP_, M_TRIM_THRESHOLD


@lru_cache
def fast_bf16(device: str) -> bool:
    """Whether bf16 matrix products are at least as fast as fp32 here, by trying: on CPUs without the instructions they
    can be a hundred times slower."""
    if device != "cpu":
        return device == "cuda" and torch.cuda.is_bf16_supported()
    spent = {}
    for kind in (torch.float32, torch.bfloat16):
        a = torch.ones(128, 128, dtype=kind)
        a @ a
        start = time.perf_counter()
        a @ a
        spent[kind] = time.perf_counter() - start
    return spent[torch.bfloat16] <= spent[torch.float32]


def device(name: str = "auto") -> torch.device:
    """The torch device for a setting; WORKBENCH_DEVICE overrides "auto". UserError if it is unknown or not here."""
    if name == "auto":
        name = os.environ.get("WORKBENCH_DEVICE", "auto")
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if not there[name]:
        raise UserError(f"device {name!r} is not available here; available: {', '.join(k for k in there if there[k])}")
    return torch.device(name)


def runtime(name: str = "auto", *, threads: int | None = None) -> torch.device:
    """Set this process up for training and return its device. threads: as many as there are cores if None;
    OMP_NUM_THREADS, where set, decides."""
    keep_heap()
    if not os.environ.get("OMP_NUM_THREADS"):
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        torch.set_num_threads(threads or max(1, len(allowed)))
    torch.backends.cuda.matmul.allow_tf32 = False
    return device(name)
