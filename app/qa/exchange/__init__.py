"""Labels to and from other tools. No Qt.

`export_labels` writes COCO (video), YOLO, Pascal VOC, CVAT for video, MOT, CSV or Parquet; `read_labels` reads them
back or takes another tool's, checked as a whole, for `publish_labels` or, by `import_into`, for a review.
"""

from app.qa.exchange.exporting import Exported, export_labels
from app.qa.exchange.formats import FORMATS
from app.qa.exchange.importing import Imported, import_into, publish_labels, read_labels
from app.qa.exchange.results import export_results

__all__ = [
    "FORMATS",
    "Exported",
    "Imported",
    "export_labels",
    "export_results",
    "import_into",
    "publish_labels",
    "read_labels",
]
