"""Every layout of stills in miniature, as its authors hand it out: 64x48 pictures with labels worked out by hand."""

import json
from pathlib import Path

import cv2
import numpy as np

from training.importers.context import Context, Report
from training.importers.registry import layouts
from training.samples import SourceInfo

SIZE = (64, 48)
SOURCE = SourceInfo("made", "CC0-1.0", True, "")


def picture(path: Path, size=SIZE, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    assert cv2.imwrite(str(path), values)
    return path


def mask(path: Path, *boxes, size=SIZE, value=255) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((size[1], size[0]) if np.ndim(value) == 0 else (size[1], size[0], 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        values[y1:y2, x1:x2] = value
    assert cv2.imwrite(str(path), values)
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(layout: str, root: Path, *, strict=False, **options):
    report = Report(strict=strict)
    return list(layouts()[layout].read(root, Context(SOURCE, report, root / "work", options))), report


def by_name(samples) -> dict:
    return {s.name.partition("/")[2]: s for s in samples}


def voc(*objects: str, size=SIZE, filename="a.jpg") -> str:
    return (
        f"<annotation><folder>f</folder><filename>{filename}</filename>"
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>{''.join(objects)}</annotation>"
    )


def thing(x1, y1, x2, y2, name="polyp", extra="") -> str:
    box = f"<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"
    return f"<object><name>{name}</name>{extra}{box}</object>"


def masks_set(root: Path) -> Path:
    for i, stem in enumerate(("a", "b")):
        picture(root / "Original" / f"{stem}.tif", seed=i)
        mask(root / "Ground Truth" / f"{stem}.tif", *([(10, 12, 30, 20)] if i == 0 else []))
    return root


def colour_set(root: Path) -> Path:
    picture(root / "images" / "a.jpeg")
    mask(root / "masks" / "a.png", (4, 4, 20, 20), value=(0, 0, 255))
    return root


def kvasir_json_set(root: Path) -> Path:
    picture(root / "images" / "a.jpg")
    box = {"label": "polyp", "xmin": 3, "ymin": 4, "xmax": 33, "ymax": 24}
    write(root / "kavsir_bboxes.json", json.dumps({"a": {"height": 48, "width": 64, "bbox": [box]}}))
    return root


def coco_set(root: Path) -> Path:
    picture(root / "train2017" / "a.jpg")
    picture(root / "train2017" / "b.jpg", seed=1)
    data = {
        "images": [{"id": i, "file_name": f"{s}.jpg", "width": 64, "height": 48} for i, s in ((1, "a"), (2, "b"))],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 12, 20, 8]}],
        "categories": [{"id": 7, "name": "polyp", "supercategory": "lesion"}],
    }
    write(root / "annotations" / "instances_train2017.json", json.dumps(data))
    return root


def yolo_set(root: Path) -> Path:
    for i, stem in enumerate(("train/a", "train/b", "val/c")):
        picture(root / "images" / f"{stem}.jpg", seed=i)
    write(root / "labels" / "train" / "a.txt", "0 0.5 0.5 0.25 0.5\n")
    write(root / "labels" / "train" / "b.txt", "")
    write(root / "data.yaml", "path: .\ntrain: images/train\nval: images/val\nnames: {0: polyp}\n")
    return root


def voc_set(root: Path) -> Path:
    picture(root / "JPEGImages" / "a.jpg")
    write(root / "Annotations" / "a.xml", voc(thing(11, 13, 30, 20)))
    return root


def real_colon_set(root: Path) -> Path:
    for t in (9, 10):
        picture(root / "002-001_frames" / f"002-001_{t}.jpg", seed=t)
    lesion = "<unique_id>002-001_1</unique_id><box_id>1</box_id>"
    write(root / "002-001_annotations" / "002-001_9.xml", voc(filename="002-001_9.jpg"))
    write(root / "002-001_annotations" / "002-001_10.xml", voc(thing(10, 12, 30, 20, "lesion", lesion)))
    write(root / "video_info.csv", "unique_video_name,age,sex,endoscope_brand,fps,bbps\n002-001,62,M,Fuji,25,8\n")
    write(
        root / "lesion_info.csv",
        "unique_object_id,unique_video_name,size [mm],site,histology_extended,histology_class\n"
        "002-001_1,002-001,4,cecum,tubular adenoma,AD\n",
    )
    return root


def sun_set(root: Path) -> Path:
    part = root / "sundatabase_positive_part1"
    for i in (1, 2, 10):
        picture(part / "case3" / f"f_image{i}.jpg", seed=i)
    picture(root / "sundatabase_negative_part1" / "case3" / "n_image1.jpg", seed=4)
    write(part / "annotation_txt" / "case3.txt", "f_image1.jpg 10,12,30,20,0\nf_image2.jpg 0,0,1,1,1\n")
    return root


def ld_set(root: Path) -> Path:
    for i in (1, 2):
        picture(root / "TrainValid" / "Images" / "7" / f"000{i}.jpg", seed=i)
    write(root / "TrainValid" / "Annotations" / "7" / "0001.txt", "2\n10 12 30 20\n 1 2 9 9\n")
    write(root / "TrainValid" / "Annotations" / "7" / "0002.txt", "0\n")
    return root


def polypgen_set(root: Path) -> Path:
    picture(root / "data_C1" / "images_C1" / "a.jpg")
    mask(root / "data_C1" / "masks_C1" / "a_mask.jpg", (10, 12, 30, 20))
    picture(root / "sequenceData" / "positive" / "seq1" / "images_seq1" / "p_2.jpg", seed=1)
    mask(root / "sequenceData" / "positive" / "seq1" / "masks_seq1" / "p_2_mask.jpg", (8, 8, 24, 24))
    picture(root / "sequenceData" / "negativeOnly" / "seq1_neg" / "n_1.jpg", seed=2)
    return root


SETS = {
    "masks": masks_set,
    "colour-masks": colour_set,
    "kvasir-json": kvasir_json_set,
    "coco": coco_set,
    "yolo": yolo_set,
    "voc": voc_set,
    "real-colon": real_colon_set,
    "sun": sun_set,
    "ldpolypvideo": ld_set,
    "polypgen": polypgen_set,
}
