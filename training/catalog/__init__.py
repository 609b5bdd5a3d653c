"""Which image may be used for what: the catalog of samples, its splits, the leak check and the licences. No torch."""

from training.catalog.opening import public_catalog, resolve
from training.catalog.store import Catalog, SplitNote, read_catalog, write_catalog

__all__ = ["Catalog", "SplitNote", "public_catalog", "read_catalog", "resolve", "write_catalog"]
