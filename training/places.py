"""Where data sets, starting weights and models are looked for."""

from __future__ import annotations

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent


def data_root() -> Path:
    """Folder of the public data sets: POLYPWATCH_DATA, or its usual place beside the checkout."""
    return Path(os.environ.get("POLYPWATCH_DATA") or _CHECKOUT.parent / "shared" / "data")


def weights_root() -> Path:
    """Folder of published starting weights: POLYPWATCH_WEIGHTS, or its usual place beside the checkout."""
    return Path(os.environ.get("POLYPWATCH_WEIGHTS") or _CHECKOUT.parent / "shared" / "weights")
