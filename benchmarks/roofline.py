"""How close each network comes to what the machine can do: operations and bytes against the measured ceilings.

    python -m benchmarks.roofline [--quick] [--models fast accurate] [--markdown] [--plots DIR] [--json FILE]

Ceilings: the best large matrix product and the best large copy of a few seconds each, with as many threads as the
network gets. Network: the best of many runs on noise. Its parts: ONNX Runtime's own profile of the graph that it runs,
fused as it fuses it. All files of a model are counted; those that are meant for another provider are not run.

*intensity* is operations per byte as the graph runs, if every node read and wrote memory. Small activations stay in a
core's caches: a part may lie above the slope of the memory, not above that of the cache.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.ceilings import Ceilings, cpu_ceilings, cuda_ceilings
from benchmarks.graph_cost import GraphCost, graph_cost, with_sizes
from benchmarks.profiles import KindCost, best_ms, best_ms_cuda, profile
from benchmarks.roofline_plot import Point, roofline_svg
from benchmarks.tables import busy, machine, table
from detector.errors import PolypwatchError
from detector.manifest import Variant, find_model, load_manifest, verified_model_bytes
from detector.resize_maps import BATCH, HEIGHT, WIDTH

SCHEMA = "polypwatch.bench-roofline/1"
_TOP_KINDS = 7
_FRAME = {BATCH: 1, HEIGHT: 1080, WIDTH: 1920}  # of a file that takes whole frames


@dataclass(frozen=True, slots=True)
class Network:
    """One file of a model.

    Attributes:
        model: name and version.
        variant: its name.
        precision: of the variant.
        gflops: operations for a picture, in 1e9.
        least_mb: weights, input and outputs, in 1e6 bytes.
        most_mb: as the file is written, every node reading and writing memory.
        moved_mb: as ONNX Runtime runs it; None where it was not profiled.
        ms: the best run; None where it was not run.
        kinds: its parts, the slowest first.
    """

    model: str
    variant: str
    precision: str
    gflops: float
    least_mb: float
    most_mb: float
    moved_mb: float | None
    ms: float | None
    kinds: tuple[KindCost, ...]

    @property
    def gflops_s(self) -> float | None:
        """Attained, in 1e9 operations per second."""
        return None if self.ms is None else self.gflops / (self.ms / 1e3)

    @property
    def intensity(self) -> float:
        """Operations per byte, as it runs where that is known, else as it is written."""
        return self.gflops * 1e3 / (self.moved_mb or self.most_mb)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["fast"])
    parser.add_argument("--provider", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="half a minute, for a first look")
    parser.add_argument("--markdown", action="store_true", help="print the tables for a document")
    parser.add_argument("--plots", type=Path, help="folder for roofline_MODEL_VARIANT.svg")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    found = machine()
    roofs = measure_ceilings(args.provider, str(found["processor"]), args.threads, 0.5 if args.quick else 5)
    runs = 30 if args.quick else 400
    networks = [n for name in args.models for n in measure(name, args.provider, args.threads, runs)]
    print(*busy(found), ceilings_table(roofs, args.markdown), sep="\n\n", end="\n\n")
    print(networks_table(networks, roofs[-1], args.markdown))
    for network in networks:
        if network.kinds:
            print(f"\n{network.model} {network.variant}:\n\n{kinds_table(network, roofs[-1], args.markdown)}")
        if args.plots and network.ms is not None:
            place = args.plots / f"roofline_{network.model.split()[0]}_{network.variant}.svg"
            place.write_text(plot(network, roofs), encoding="utf-8")
    if args.json:
        report = {
            "schema": SCHEMA,
            "machine": found,
            "threads": args.threads,
            "ceilings": [asdict(r) for r in roofs],
            "networks": [asdict(n) for n in networks],
        }
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure_ceilings(provider: str, processor: str, threads: int, seconds: float) -> list[Ceilings]:
    """On a CPU of one thread and of all, on a GPU its own; the last ones are those that the networks stand under.

    Raises:
        SystemExit: the GPU cannot be used.
    """
    if provider == "cuda":
        try:
            return [cuda_ceilings(seconds)]
        except RuntimeError as error:
            raise SystemExit(f"The GPU's ceilings cannot be measured: {error}.") from error
    return [cpu_ceilings(processor, n, seconds) for n in sorted({1, threads})]


def measure(name: str, provider: str, threads: int, runs: int) -> list[Network]:
    """All files of a model, those meant for the provider with what they attain.

    Raises:
        SystemExit: there is no such model, or it does not run.
    """
    try:
        folder = find_model(name)
        manifest = load_manifest(folder)
        contents = [(v, verified_model_bytes(folder, v)) for v in manifest.variants]
    except PolypwatchError as error:
        raise SystemExit(str(error)) from error
    title = f"{manifest.name} {manifest.version}"
    return [_network(title, v, model, provider, threads, runs) for v, model in contents]


def _network(title: str, variant: Variant, model: bytes, provider: str, threads: int, runs: int) -> Network:
    if variant.input.contract == "frame_u8_hwc":
        model = with_sizes(model, _FRAME)
    cost: GraphCost = graph_cost(model)
    ms, kinds = None, []
    if provider in variant.providers:
        if provider == "cpu":
            ms, kinds = best_ms(model, threads, runs), profile(model, threads, max(10, runs // 4))
        else:
            ms = best_ms_cuda(model, runs)
    return Network(
        model=title,
        variant=variant.name,
        precision=variant.precision,
        gflops=cost.gflops,
        least_mb=cost.least_bytes / 1e6,
        most_mb=cost.moved_bytes / 1e6,
        moved_mb=sum(k.moved_bytes for k in kinds) / 1e6 if kinds else None,
        ms=ms,
        kinds=tuple(kinds),
    )


def ceilings_table(roofs: Sequence[Ceilings], markdown: bool) -> str:
    """One line per number of threads."""
    gops = list(dict.fromkeys(k for r in roofs for k in r.gops))
    gb_s = list(dict.fromkeys(k for r in roofs for k in r.gb_s))
    columns = ("device", *(f"{k} GOP/s" for k in gops), *(f"{k} GB/s" for k in gb_s))
    rows = [
        (r.device, *(f"{r.gops.get(k, 0):,.0f}" for k in gops), *(f"{r.gb_s.get(k, 0):,.0f}" for k in gb_s))
        for r in roofs
    ]
    return table(columns, rows, markdown)


def networks_table(networks: Sequence[Network], roof: Ceilings, markdown: bool) -> str:
    """One line per file."""
    columns = (
        "model",
        "GFLOPs",
        "MB: least / as run / as written",
        "operations per byte",
        "ms",
        "GFLOP/s",
        "of ceiling",
    )
    rows = []
    for n in networks:
        run = "-" if n.moved_mb is None else f"{n.moved_mb:.1f}"
        rows.append(
            (
                f"{n.model} {n.variant}",
                f"{n.gflops:.2f}",
                f"{n.least_mb:.1f} / {run} / {n.most_mb:.1f}",
                f"{n.intensity:.1f}",
                "-" if n.ms is None else f"{n.ms:.2f}",
                "-" if n.gflops_s is None else f"{n.gflops_s:.0f}",
                "-" if n.gflops_s is None else f"{n.gflops_s / height(roof, n.precision):.0%}",
            )
        )
    return table(columns, rows, markdown)


def kinds_table(network: Network, roof: Ceilings, markdown: bool) -> str:
    """One line per kind of node, the rest in one."""
    total = sum(k.ms for k in network.kinds)
    columns = ("nodes", "count", "ms", "of time", "GFLOPs", "GFLOP/s", "of ceiling", "GB/s")
    rows = []
    for k in network.kinds[:_TOP_KINDS]:
        attained = (
            f"{2 * k.macs / 1e9:.3f}",
            f"{k.gflops_s:.0f}",
            f"{k.gflops_s / height(roof, network.precision):.0%}",
        )
        shown = attained if k.macs else ("-",) * 3
        rows.append((k.kind, str(k.count), f"{k.ms:.2f}", f"{k.ms / total:.0%}", *shown, f"{k.gb_s:.0f}"))
    rest = network.kinds[_TOP_KINDS:]
    if rest:
        ms = sum(k.ms for k in rest)
        rows.append(("all others", str(sum(k.count for k in rest)), f"{ms:.2f}", f"{ms / total:.0%}", *("-",) * 4))
    return table(columns, rows, markdown)


def height(roof: Ceilings, precision: str) -> float:
    """The flat roof of a precision; FP32's where the device's own was not measured."""
    return roof.gops.get(precision, roof.gops["fp32"])


def plot(network: Network, roofs: Sequence[Ceilings]) -> str:
    """The network and its parts under the roofs of the threads that it ran on."""
    assert network.gflops_s is not None
    roof = roofs[-1]
    total = sum(k.ms for k in network.kinds)
    flat = {f"{kind}, {_threads(roof)}": value for kind, value in roof.gops.items()}
    points = [Point(f"{k.kind}: {k.ms / total:.0%} of time", k.intensity, k.gflops_s) for k in network.kinds if k.macs]
    whole = Point(f"{network.model} {network.variant}: {network.ms:.1f} ms", network.intensity, network.gflops_s, True)
    return roofline_svg(f"{network.model} {network.variant} on {roof.device}", flat, roof.gb_s, [*points, whole])


def _threads(roof: Ceilings) -> str:
    return roof.device.rpartition(", ")[2]


if __name__ == "__main__":
    main()
