"""How many cores this process really has, and how many threads each kind of work gets of them. No dependency.

Threads beyond the cores make a network slower (twice as many double its latency), and of two hardware threads on one
core the second adds little: physical cores are counted, of those that the process may run on, up to its quota.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# A network of a dozen milliseconds on one core has little left to divide among more. Not measured on large machines.
MOST_LIVE_THREADS = 8
_ROOT = Path("/")
_RELATION_PROCESSOR_CORE = 0


@dataclass(frozen=True, slots=True)
class Cores:
    """What there is to run on.

    Attributes:
        logical: hardware threads that this process may use.
        physical: cores that they belong to.
        quota: processor seconds per second that a container allows; None without a limit.
    """

    logical: int
    physical: int
    quota: float | None = None

    @property
    def usable(self) -> int:
        """Cores that can be kept busy, at least 1."""
        return max(1, self.physical if self.quota is None else min(self.physical, math.floor(self.quota)))

    def __str__(self) -> str:
        text = f"{self.usable} usable core{'s' * (self.usable > 1)}"
        if self.quota is not None and self.quota < self.physical:
            return f"{text} (a quota of {self.quota:g} on {self.physical})"
        return f"{text} ({self.logical} hardware threads)" if self.logical > self.physical else text


def live_threads(cores: Cores) -> int:
    """Threads for the AI process beside a live picture: painting and recording come first.

    Up to three cores one is left to them, of more two. One thread is the least: at nice 19 it takes nothing from them.
    """
    return min(MOST_LIVE_THREADS, max(1, cores.usable - (1 if cores.usable <= 3 else 2)))


def headless_threads(cores: Cores) -> int:
    """Frames that are analysed at once where nobody watches: one for each core."""
    return cores.usable


def find_cores() -> Cores:
    """The cores of this process. What the system does not tell is taken for its best: one core per hardware thread."""
    if sys.platform == "linux":
        return linux_cores(frozenset(os.sched_getaffinity(0)), _ROOT)
    logical = os.cpu_count() or 1
    try:
        physical = _windows_cores() if sys.platform == "win32" else _mac_cores()
    except (OSError, AttributeError, ValueError):
        physical = logical
    return Cores(logical, physical if 0 < physical <= logical else logical)


# -- Linux ------------------------------------------------------------------------------------------------------------


def linux_cores(cpus: frozenset[int], root: Path) -> Cores:
    """The cores behind the hardware threads ``cpus``.

    Args:
        cpus: what ``sched_getaffinity`` allows.
        root: where ``proc`` and ``sys`` are.
    """
    siblings = {_text(root / f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list") for n in cpus}
    physical = len(siblings) if "" not in siblings else _listed_cores(_text(root / "proc/cpuinfo"), cpus)
    return Cores(len(cpus), physical or len(cpus), _quota(root))


def _listed_cores(cpuinfo: str, cpus: frozenset[int]) -> int:
    """Distinct pairs of ``physical id`` and ``core id`` among ``cpus``; 0 where they are not listed (ARM)."""
    found = set()
    for block in cpuinfo.split("\n\n"):
        fields = dict(_pairs(block.splitlines()))
        if fields.get("processor", "").isdecimal() and int(fields["processor"]) in cpus and "core id" in fields:
            found.add((fields.get("physical id"), fields["core id"]))
    return len(found)


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _quota(root: Path) -> float | None:
    """The tightest limit of the control groups around this process (version 2: cpu.max; version 1: cfs quota)."""
    limits: list[float] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:
            folders, files = [root / "sys/fs/cgroup"], ["cpu.max"]
        elif "cpu" in controllers.split(","):
            folders = [root / "sys/fs/cgroup" / name for name in (controllers, "cpu")]
            files = ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        for folder in folders:
            for group in (inside, *inside.parents):
                limits += _limit(" ".join(_text(folder / group / name) for name in files))
    return min(limits, default=None)


def _limit(text: str) -> list[float]:
    """``QUOTA PERIOD`` in microseconds as cores; ``max`` and -1 are no limit."""
    words = text.split()
    if len(words) != 2 or not all(word.isdecimal() for word in words) or int(words[1]) == 0:
        return []
    return [int(words[0]) / int(words[1])]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


# -- the others -------------------------------------------------------------------------------------------------------


def _mac_cores() -> int:
    """Performance cores where there are two kinds (the slow ones would hold up every layer), or else all."""
    system = ctypes.CDLL(None)
    for name in (b"hw.perflevel0.physicalcpu", b"hw.physicalcpu"):
        value, size = ctypes.c_int32(0), ctypes.c_size_t(4)
        if system.sysctlbyname(name, ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)) == 0:
            return value.value
    return 0


def _windows_cores() -> int:
    """Counted from ``GetLogicalProcessorInformation``, which tells of up to 64 hardware threads."""
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # on Windows only
    size = ctypes.c_ulong(0)
    kernel.GetLogicalProcessorInformation(None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not kernel.GetLogicalProcessorInformation(buffer, ctypes.byref(size)):
        return 0
    process, system = ctypes.c_size_t(0), ctypes.c_size_t(0)
    kernel.GetProcessAffinityMask(ctypes.c_void_p(-1), ctypes.byref(process), ctypes.byref(system))
    return windows_records(buffer.raw[: size.value], process.value)


def windows_records(data: bytes, affinity: int) -> int:
    """Cores among ``SYSTEM_LOGICAL_PROCESSOR_INFORMATION`` records: a mask, a kind, and 16 bytes, aligned to 8.

    Args:
        data: the records of a 64-bit system.
        affinity: hardware threads that the process may use, as a mask; 0 for all.
    """
    records = struct.iter_unpack("<QI4x16x", data[: len(data) // 32 * 32])
    return sum(kind == _RELATION_PROCESSOR_CORE and bool(mask & affinity or not affinity) for mask, kind in records)
