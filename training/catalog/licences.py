"""The licences of what a model is made from, for its manifest."""

from __future__ import annotations

from detector.manifest import Licence
from training.catalog.store import Catalog


def licences(catalog: Catalog) -> list[Licence]:
    """Every source that a model learns from or is chosen on (`train` and `dev`), in the order of their names.

    Of a catalog that is not split, all sources count. Test sets do not: nothing of them goes into the weights.
    """
    if any(s.split for s in catalog.samples):
        used = {s.source for s in catalog.samples if s.split in ("train", "dev")}
    else:
        used = {s.source for s in catalog.samples}
    infos = (catalog.sources[name] for name in sorted(used))
    return [Licence(name=i.name, licence=i.licence, citation=i.citation) for i in infos]
