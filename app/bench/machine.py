"""What the machine is, and how much of it other programs use while the bench sleeps."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from app import VERSION
from app.bench.figures import Machine
from detector.cpu import find_cores

_PROBE_S = 1.0
_NVIDIA_SMI_S = 10.0
_PACKAGES = ("onnxruntime-gpu", "onnxruntime", "opencv-python-headless", "av", "PyQt6", "numpy")
_PROC = Path("/proc")


def describe_machine(screen: str, cuda: bool) -> Machine:
    """The facts of this machine.

    Args:
        screen: what is painted on.
        cuda: whether a CUDA provider came up, so that the cards' names are of interest.
    """
    cores = find_cores()
    own = {"polypwatch": VERSION, "python": platform.python_version()}
    return Machine(
        cpu=_cpu_name(),
        cores=cores.usable,
        cores_physical=cores.physical,
        hardware_threads=cores.logical,
        memory_gb=_memory_gb(),
        gpus=_gpu_names() if cuda else (),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        screen=screen,
        software=own | _versions(),
    )


def others_share(seconds: float = _PROBE_S, sleep: Callable[[float], None] = time.sleep) -> float | None:
    """Share of the usable processor time that other programs take while this one sleeps, 0 to 1.

    None where the system does not say; on a virtual machine other guests show only as far as the host reports them.
    """
    before, own_before = _processor_times(), time.process_time()
    if before is None:
        return None
    sleep(seconds)
    after, own = _processor_times(), time.process_time() - own_before
    if after is None or after[1] <= before[1]:
        return None
    busy_s, all_s = after[0] - before[0], after[1] - before[1]
    return min(1.0, max(0.0, busy_s - own) / all_s)


def busy_and_all(stat: str, cpus: set[int], ticks_per_s: int) -> tuple[float, float] | None:
    """Busy and total seconds of these processors since boot, from ``/proc/stat``; None if it is not of that form."""
    busy = total = 0
    for line in stat.splitlines():
        name, *values = line.split() or [""]
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus and len(values) >= 5:
            # user nice system idle iowait irq softirq steal; guest time is in user already.
            ticks = [int(value) for value in values[:8]]
            total += sum(ticks)
            busy += sum(ticks) - ticks[3] - ticks[4]
    return (busy / ticks_per_s, total / ticks_per_s) if total else None


def _processor_times() -> tuple[float, float] | None:
    if sys.platform == "linux":
        return busy_and_all(_text(_PROC / "stat"), _affinity(), os.sysconf("SC_CLK_TCK"))
    if sys.platform == "win32":
        idle, kernel, user = (ctypes.c_uint64() for _ in range(3))
        if not ctypes.windll.kernel32.GetSystemTimes(ctypes.byref(idle), ctypes.byref(kernel), ctypes.byref(user)):
            return None
        # Hundreds of nanoseconds; kernel time holds the idle time.
        return (kernel.value + user.value - idle.value) / 1e7, (kernel.value + user.value) / 1e7
    return None


def _affinity() -> set[int]:
    if sys.platform == "linux":
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _cpu_name() -> str:
    for line in _text(_PROC / "cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    if sys.platform == "win32":
        kilobytes = ctypes.c_uint64()
        known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return round(kilobytes.value * 1024 / 1e9, 1) if known else None
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (ValueError, OSError):
        return None


def _gpu_names() -> tuple[str, ...]:
    text = _output(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"])
    return tuple(f"{name.strip()}, driver {driver.strip()}" for name, _, driver in _rows(text))


def _rows(text: str) -> list[tuple[str, str, str]]:
    return [line.rpartition(",") for line in text.splitlines() if "," in line]


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _output(command: list[str]) -> str:
    """What a program of the system prints; empty if there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_NVIDIA_SMI_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
