"""The formats by name, with a line for help: light, so that the command line can list them at once."""

SHOWN: dict[str, str] = {
    "coco": "COCO instances with videos, frame_id and track_id (CocoVID; CVAT, FiftyOne, Datumaro, MMDetection)",
    "yolo": "YOLO text labels with data.yaml (Ultralytics and most trainers)",
    "voc": "Pascal VOC XML, one file a frame (LabelImg, CVAT, Roboflow)",
    "cvat": "CVAT for video 1.1: tracks with key frames, states and attributes",
    "mot": "MOT challenge text: gt.txt and seqinfo.ini (trackers' tools, CVAT, Datumaro)",
    "csv": "a plain table, boxes.csv",
    "parquet": "the same table as Parquet (needs pyarrow)",
}
