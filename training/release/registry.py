"""Registered models: one folder per name that the application reads, and beside it every version there ever was.

``models/NAME/`` is what runs. ``models/.archive/NAME-VERSION/`` holds each version whole and is never read by the
application. A change of version is one rename: files of another version come in under names of their own, then the
manifest is replaced, then what it no longer names is removed. A crash before the rename leaves the old model, after it
the new one; `settle`, which every later command calls first, tidies up what a crash left.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detector.errors import ModelError, OutputError, UsageError
from detector.manifest import MANIFEST_NAME, ModelManifest, Variant, file_sha256, load_manifest, verified_model_bytes
from training.release.card import CARD_NAME
from training.release.record import replace_file, write_manifest

ARCHIVE = ".archive"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model.

    Attributes:
        version: as its manifest says.
        folder: where it lies whole.
        current: whether it is what runs.
        forced: why it was registered although a gate failed; empty if none did.
        registered: when, UTC, ISO 8601; empty if nobody wrote it down.
    """

    version: str
    folder: Path
    current: bool
    forced: str
    registered: str


def register(staged: Path, models: Path, name: str) -> Path:
    """Make a complete model folder the current version of `name`; the version before stays in the archive.

    Args:
        staged: manifest and files; it is copied, not moved.
        models: folder of all models.
        name: of the model; its manifest says the same.

    Returns:
        The folder that runs.

    Raises:
        UsageError: the name or version cannot be a folder's name, or this version is registered already.
        ModelError: the staged folder is not a sound model.
        OutputError: it cannot be written.
    """
    manifest = load_manifest(staged)
    if manifest.name != name:
        raise ModelError(f"{staged} is the model {manifest.name}, not {name}.")
    settle(models, name)
    require_new(models, name, manifest.version)
    kept = archive_folder(models, name, manifest.version)
    with _writing(models):
        _keep_current(models, name)
        _store(staged, manifest, models, kept)
        _switch(models, name, kept)
    return models / name


def require_new(models: Path, name: str, version: str) -> None:
    """Whether a version can be registered.

    Raises:
        UsageError: the name or version cannot be a folder's name, or this version is registered already.
    """
    _plain(name, "name")
    _plain(version, "version")
    if archive_folder(models, name, version).exists() or _current_version(models, name) == version:
        raise UsageError(
            f"Version {version} of {name} is registered already.", "A version stays what it is: give another."
        )


def require_writable(models: Path) -> None:
    """Whether a model could be registered here: better known before an hour of measuring than after it.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    with _writing(models):
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=models):
            pass


def rollback(models: Path, name: str, version: str | None = None) -> Version:
    """Make an older version current again.

    Args:
        models: folder of all models.
        name: of the model.
        version: which one; None: the one that was registered before the current one.

    Raises:
        ModelError: there is no such model.
        UsageError: there is no such version, or none before.
        OutputError: it cannot be written.
    """
    settle(models, name)
    versions = history(models, name)
    wanted = next((v for v in versions if v.version == version), None) if version else _before(versions)
    if wanted is None:
        names = ", ".join(v.version for v in versions)
        raise UsageError(
            f"{name} has no version {version or 'before the current one'} to go back to.", f"It has: {names}."
        )
    if wanted.current:
        raise UsageError(f"{name} {wanted.version} is what runs already.")
    _verify(wanted.folder)
    with _writing(models):
        _keep_current(models, name)
        _switch(models, name, wanted.folder)
    return next(v for v in history(models, name) if v.current)


def history(models: Path, name: str) -> list[Version]:
    """Every version of a model, oldest first.

    Raises:
        ModelError: there is no such model.
    """
    current = _current_version(models, name)
    folders = [f for f in _archived(models) if load_manifest(f).name == name]
    if current is not None and not any(load_manifest(f).version == current for f in folders):
        folders.append(models / name)
    if not folders:
        raise ModelError(f"There is no model {name} in {models}.", "`polypwatch models` lists the installed models.")
    found = [_describe(f, current) for f in folders]
    return sorted(found, key=lambda v: (v.registered, _natural(v.version)))


def settle(models: Path, name: str) -> None:
    """Finish or undo what a crash left: drafts, files that no manifest names, a card of another version.

    Raises:
        OutputError: the folder cannot be written.
    """
    with _writing(models):
        for draft in (models / ARCHIVE).glob(".draft-*"):
            shutil.rmtree(draft)
        for part in (models / ARCHIVE).glob(f"{name}-*/*.part"):
            part.unlink()
        if (models / name / MANIFEST_NAME).is_file():
            _tidy(models / name, archive_folder(models, name, load_manifest(models / name).version))


def archive_folder(models: Path, name: str, version: str) -> Path:
    """Where a version lies."""
    return models / ARCHIVE / f"{name}-{version}"


def _archived(models: Path) -> list[Path]:
    return sorted(p.parent for p in (models / ARCHIVE).glob(f"*/{MANIFEST_NAME}") if not p.parent.name.startswith("."))


def _describe(folder: Path, current: str | None) -> Version:
    manifest = load_manifest(folder)
    said = (manifest.model_extra or {}).get("release", {})
    return Version(
        manifest.version, folder, manifest.version == current, said.get("forced") or "", said.get("registered") or ""
    )


def _before(versions: list[Version]) -> Version | None:
    """The version that came before the current one."""
    place = next((i for i, v in enumerate(versions) if v.current), 0)
    return versions[place - 1] if place > 0 else None


def _natural(version: str) -> list[tuple[int, str]]:
    """0.10 comes after 0.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.+-]", version)]


def _plain(text: str, what: str) -> None:
    if not _PLAIN.fullmatch(text):
        raise UsageError(
            f"The {what} '{text}' cannot be part of a folder's name.", "Use letters, digits, '.', '_', '+', '-'."
        )


def _current_version(models: Path, name: str) -> str | None:
    return load_manifest(models / name).version if (models / name / MANIFEST_NAME).is_file() else None


def _keep_current(models: Path, name: str) -> None:
    """Bring the archive's copy of the current version up to date: figures may have been recorded since."""
    folder = models / name
    if not (folder / MANIFEST_NAME).is_file():
        return
    manifest = load_manifest(folder)
    kept = archive_folder(models, name, manifest.version)
    if kept.exists():
        names = {v.sha256: v.file for v in load_manifest(kept).variants}  # here they may have got others, see `_place`
        variants = [v.model_copy(update={"file": names.get(v.sha256, v.file)}) for v in manifest.variants]
        write_manifest(manifest.model_copy(update={"variants": variants}), kept)
    else:
        _store(folder, manifest, models, kept)


def _store(source: Path, manifest: ModelManifest, models: Path, kept: Path) -> None:
    """Copy a model folder into the archive: whole under its name, or not there."""
    (models / ARCHIVE).mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=models / ARCHIVE))
    for file in sorted(p for p in source.iterdir() if p.is_file() and not p.name.endswith(".part")):
        if file.name not in (MANIFEST_NAME, CARD_NAME) and not _stale(file, manifest):
            copy = draft / file.name
            shutil.copyfile(file, copy)
            _sync(copy)
    write_manifest(manifest, draft)
    _verify(draft)
    _sync(draft)
    draft.chmod(0o755)  # mkdtemp makes it private
    os.rename(draft, kept)
    _sync(kept.parent)


def _stale(file: Path, manifest: ModelManifest) -> bool:
    return file.suffix == ".onnx" and file.name not in {v.file for v in manifest.variants}


def _verify(folder: Path) -> None:
    for variant in load_manifest(folder).variants:
        verified_model_bytes(folder, variant)


def _switch(models: Path, name: str, kept: Path) -> None:
    """Make `models/NAME` show the version in `kept`; the rename of the manifest is the moment at which it changes."""
    folder = models / name
    manifest = load_manifest(kept)
    folder.mkdir(exist_ok=True)
    placed = [
        v.model_copy(update={"file": _place(kept, v, folder, f"{name}-{manifest.version}")}) for v in manifest.variants
    ]
    _sync(folder)
    write_manifest(manifest.model_copy(update={"variants": placed}), folder)
    _sync(folder)
    _tidy(folder, kept)


def _place(kept: Path, variant: Variant, folder: Path, stem: str) -> str:
    """Copy a file under a name that no other content has; returns the name."""
    name = variant.file
    if (folder / name).exists() and file_sha256(folder / name) != variant.sha256:
        name = f"{stem}-{variant.name}.onnx"
    if not (folder / name).exists() or file_sha256(folder / name) != variant.sha256:
        part = folder / f"{name}.part"
        shutil.copyfile(kept / variant.file, part)
        _sync(part)
        os.replace(part, folder / name)
    return name


def _tidy(folder: Path, kept: Path) -> None:
    """Leave nothing in a current folder but what its manifest names and the version's own notes."""
    manifest = load_manifest(folder)
    named = {v.file for v in manifest.variants}
    notes = {p.name for p in kept.iterdir() if p.is_file()} if kept.is_dir() else None
    for file in [p for p in folder.iterdir() if p.is_file()]:
        foreign = notes is not None and file.name not in notes | {MANIFEST_NAME, CARD_NAME}
        if file.name not in named and (file.name.endswith(".part") or file.suffix == ".onnx" or foreign):
            file.unlink()
    for name in sorted(notes or ()):
        if name not in (MANIFEST_NAME, CARD_NAME) and not name.endswith(".onnx"):
            content = (kept / name).read_bytes()
            if not (folder / name).is_file() or (folder / name).read_bytes() != content:
                replace_file(folder / name, content)
    if notes is not None:
        write_manifest(manifest, folder)


def _sync(path: Path) -> None:
    """Onto the disk; a folder's entries too, where the system can do that."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _writing(models: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{models} cannot be written ({error}).", "The model that ran is still in place.") from error
