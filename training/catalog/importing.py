"""From folders to a catalog: run an importer, hash its images, and put the samples where the source's old ones were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tqdm import tqdm

from detector.errors import FormatError, OutputError, SourceError, UsageError
from training.catalog.store import Catalog, image_sha256
from training.importers.context import Context, Report
from training.importers.headers import image_size
from training.importers.registry import find_layout
from training.samples import Sample, SourceInfo

THREADS = 4
PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One source as it was imported.

    Attributes:
        source: which it is.
        samples: with their images' hashes.
        report: what was wrong or worth a note.
        layout: the layout that was used, for the reader.
    """

    source: SourceInfo
    samples: list[Sample]
    report: Report
    layout: str


def import_paths(
    paths: Sequence[Path],
    source: SourceInfo,
    work: Path,
    *,
    layout: str | None = None,
    options: Mapping[str, str] | None = None,
    strict: bool = False,
    centre: str = "",
) -> Incoming:
    """Import folders or label files as one source.

    Args:
        paths: all of one layout.
        source: what they become.
        work: folder for frames that are cut out of videos; one folder in it for each path.
        layout: its name; None: found out from the first path.
        options: for the layout.
        strict: the first bad record is an error.
        centre: for samples of which the layout knows no centre.

    Raises:
        SourceError: a path does not exist or is unusable as a whole.
        FormatError: a record is bad and the import strict.
        UsageError: there is no such layout or option, none fits, or `source` claims to know patients and does not.
    """
    found = find_layout(paths[0], layout)
    chosen = dict(options or {})
    for key in chosen:
        if key != PREFIX and key not in found.options:
            known = ", ".join(found.options) or "none"
            raise UsageError(f"The layout {found.name} has no option '{key}'.", f"It has: {known}.")
    report = Report(strict)
    samples: list[Sample] = []
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist.", "Name a folder or a label file.")
        context = Context(source, report, work if len(paths) == 1 else work / path.stem, chosen)
        read = found.read(path, context)
        samples.extend(tqdm(read, f"read {path.name}", unit="image", disable=None, leave=False))
    if centre:
        samples = [s if s.centre else replace(s, centre=centre) for s in samples]
    nameless = sum(not s.patient for s in samples)
    if source.patients_known and nameless:
        raise UsageError(
            f"{nameless} of {len(samples)} images of {source.name} name no patient.",
            "Leave --patients-known out: a split of them can only be near-duplicate-checked.",
        )
    return Incoming(source, complete(samples, report), report, found.name)


def complete(samples: Sequence[Sample], report: Report) -> list[Sample]:
    """The samples with the hashes of their images; those whose image is not as labelled are reported and left out.

    Raises:
        FormatError: an image is bad and the import strict.
    """

    def read(sample: Sample) -> Sample | tuple[str, str]:
        try:
            digest, size = image_sha256(sample.image), image_size(sample.image)
        except (SourceError, FormatError) as error:
            return "unreadable image", str(error)
        if size != sample.size:
            told = f"{sample.size.width}x{sample.size.height}"
            return "other size", f"It is {size.width}x{size.height}, but its label is for {told}."
        return replace(sample, image_sha256=digest)

    done: list[Sample] = []
    with ThreadPoolExecutor(THREADS) as pool:
        results = tqdm(pool.map(read, samples), "hash", len(samples), unit="image", disable=None, leave=False)
        for sample, result in zip(samples, results, strict=True):
            if isinstance(result, Sample):
                done.append(result)
            else:
                report.bad(sample.image, *result)
    return done


def merge(catalog: Catalog | None, incoming: Iterable[Incoming]) -> Catalog:
    """The catalog with these sources in the place of what it had of them; an image that was there keeps its split.

    Raises:
        FormatError: two sources have an image of one name, or an import yields two of one name.
    """
    sources = dict(catalog.sources) if catalog else {}
    samples = list(catalog.samples) if catalog else []
    for new in incoming:
        splits = {s.name: s.split for s in samples if s.source == new.source.name}
        samples = [s for s in samples if s.source != new.source.name]
        samples += [replace(s, split=splits.get(s.name, "")) for s in new.samples]
        sources[new.source.name] = new.source
    return Catalog.of(sources.values(), samples, catalog.how_split if catalog else None)


def replaced(catalog: Catalog | None, incoming: Iterable[Incoming]) -> list[str]:
    """Check what the catalog would lose by a `merge`; one sentence for each source that loses images.

    Raises:
        FormatError: a source gives no image at all, so that nothing would stand in the place of its old ones.
    """
    words = []
    for new in incoming:
        if not new.samples:
            first = next((f" The first: {p.file}: {p.reason}" for p in new.report.problems), "")
            raise FormatError(
                f"Nothing of {new.source.name} could be imported ({len(new.report.problems)} records skipped).{first}",
                "The catalog is left as it was.",
            )
        names = {s.name for s in new.samples}
        old = [s for s in catalog.samples if s.source == new.source.name] if catalog else []
        gone = [s for s in old if s.name not in names]
        if gone:
            what = f"{len(gone)} of the {len(old)} images that it had are gone"
            words.append(f"{new.source.name}: {what}, {sum(bool(s.split) for s in gone)} of them with a split")
    return words


def problems_path(catalog: Path) -> Path:
    """Where the skipped records of a catalog's imports are listed."""
    return catalog.with_name(f"{catalog.name}.problems.jsonl")


def write_problems(catalog: Path, incoming: Sequence[Incoming]) -> Path | None:
    """List the skipped records beside the catalog, each source's in the place of its old ones; None: there are none.

    Raises:
        OutputError: the list cannot be written.
        FormatError: the old list is damaged.
    """
    path = problems_path(catalog)
    replaced = {new.source.name for new in incoming}
    rows = [row for row in _old_problems(path) if row.get("source") not in replaced]
    rows += [{"source": new.source.name, **asdict(p)} for new in incoming for p in new.report.problems]
    try:
        if not rows:
            path.unlink(missing_ok=True)
            return None
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    except (OSError, UnicodeEncodeError) as error:
        raise OutputError(f"{path} cannot be written ({error}).", "Choose another place for the catalog.") from error
    return path


def _old_problems(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} is damaged ({error}).", "Delete it.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise FormatError(f"{path} is not a list of skipped records.", "Delete it.")
    return rows
