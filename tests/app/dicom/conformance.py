"""An independent validator: dciodvfy of David Clunie's dicom3tools (Debian: apt-get install dicom3tools)."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_validator = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (apt-get install dicom3tools)"
)


def complaints(path: Path) -> list[str]:
    """Errors and warnings of dciodvfy, in its own words.

    Left out is that a DICOMDIR (a table of contents for discs, which we do not write) needs a date: where nobody knows
    when a video was taken, none is made up.
    """
    run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, timeout=60, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    assert any("Endoscopic" in line for line in lines), lines  # it knew what it looked at
    return [line for line in lines if line.startswith(("Error", "Warning")) and "DICOMDIR" not in line]
