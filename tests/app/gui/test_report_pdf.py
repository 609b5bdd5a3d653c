"""The reports as PDF: one clinical page whatever stands on it, read back by a PDF reader."""

import json
import re
from datetime import timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from PyQt6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QSize
from PyQt6.QtGui import QImage
from PyQt6.QtPdf import QPdfDocument

from app.cli import main
from app.examination.events import (
    BBPS_SEGMENTS,
    AiStatistics,
    Bbps,
    CaecumReached,
    Conclusion,
    InterventionEnd,
    InterventionStart,
    ModelUsed,
    Note,
    Photo,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    SettingsChanged,
    Snapshot,
)
from app.examination.report import build_report
from app.gui.report_html import clock
from app.gui.report_pdf import clinical_pdf, technical_pdf
from app.gui.report_words import ITALIAN, METHODS, SEGMENTS, ReportTranslator, Words
from tests.app.examination.rig import Clocks, examination

ROME = timezone(timedelta(hours=1))
NOTICE = "Research software, not a medical device"
ORANGE = (40, 90, 210)  # BGR
FIGURES = AiStatistics(
    active_s=700.0, suppressed_s={"hidden": 60.0}, markers_shown=4, marker_s=31.5, analysed=12_000, skipped=3, failed=1,
    restarts=0, latency_p50_ms=31.0, threshold=0.41, preset="balanced",
)  # fmt: skip


def an_examination(folder: Path, lesions: int = 2, pictures: int = 0, text: str = "Fine.", remark: str = "") -> Path:
    clocks = Clocks()
    image = np.full((72, 128, 3), ORANGE, np.uint8)
    with examination(folder, clocks, endoscopist="E-17", indication="FIT <positive> & more") as keeper:
        keeper.record(ModelUsed(name="fast", version="0.2.0", variant="cpu", sha256="ab" * 32, threshold=0.41,
                                provider="cpu"))  # fmt: skip
        keeper.record(SettingsChanged(changed={"preset": "balanced"}))
        clocks.at(20)
        keeper.record(ScopeIn(), 500)
        clocks.at(420)
        keeper.record(CaecumReached(), 10_500)
        keeper.record(Photo(of="valve"))
        for number in range(1, lesions + 1):
            clocks.at(420 + 20 * number)
            keeper.found()
            keeper.describe(number, size_mm=3.5, paris="0-IIa+IIc", lst="LST-NG-PD", segment="hepatic_flexure",
                            method="emr", note=remark)  # fmt: skip
        for number in range(pictures):
            name = f"picture{number}.png"
            cv2.imwrite(str(keeper.folder / name), image)
            keeper.record(Snapshot(file=name))
        keeper.record(InterventionStart())
        clocks.at(clocks.at_s + 30)
        keeper.record(InterventionEnd())
        keeper.record(PolypRemoved())
        for segment in BBPS_SEGMENTS:
            keeper.record(Bbps(segment=segment, score=2))
        keeper.record(Note(text=text))
        keeper.record(Conclusion(text=text))
        clocks.at(1620)
        keeper.record(ScopeOut())
        keeper.record(FIGURES)
        keeper.end()
    return keeper.folder


def opened(pdf: bytes) -> QPdfDocument:
    buffer = QBuffer()
    buffer.setData(QByteArray(pdf))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    document = QPdfDocument(None)
    document.load(buffer)
    document.setParent(QCoreApplication.instance())
    buffer.setParent(document)
    assert document.status() is QPdfDocument.Status.Ready
    return document


def text_of(document: QPdfDocument, page: int = 0) -> str:
    return re.sub(r"\s+", " ", document.getAllText(page).text())


def drawn(document: QPdfDocument, page: int = 0) -> np.ndarray:
    """The page as BGR on white, 4 pixels a millimetre."""
    image = document.render(page, QSize(840, 1188)).convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    assert bits is not None
    bits.setsize(image.sizeInBytes())
    rgba = np.frombuffer(bits, np.uint8).reshape(image.height(), image.width(), 4).astype(float)
    on_white = rgba[..., :3] * (rgba[..., 3:] / 255) + 255 - rgba[..., 3:]
    return on_white[..., ::-1].astype(np.uint8)


def orange_blobs(page: np.ndarray) -> int:
    mask = (np.abs(page.astype(int) - ORANGE).max(axis=2) < 30).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return int((stats[1:, cv2.CC_STAT_AREA] > 2000).sum())


def clinical(folder: Path, words: Words | None = None) -> QPdfDocument:
    return opened(clinical_pdf(build_report(folder), words or Words("en"), ROME))


def test_the_clinical_page_says_who_when_and_how_it_went(tmp_path):
    text = text_of(clinical(an_examination(tmp_path)))
    for said in (
        "Colonoscopy report EX-",
        "Begun 2026-03-14 09:05 (UTC+01:00)",
        "Endoscopist E-17",
        "Indication FIT <positive> & more",
        "Room not stated",
        "Caecum reached yes",
        "Insertion time 6:40",
        "Withdrawal time 20:00 (without interventions: 19:30)",
        "6 (right 2, transverse 2, left 2): adequate",
        "Photographs of the caecum Ileocaecal valve",
        "Polyps found / removed 2 / 2",
        "fast 0.2.0, active for 11:40",
        "1 hepatic flexure 3.5 mm 0-IIa+IIc LST-NG-PD mucosal resection (EMR)",
        NOTICE,
    ):
        assert said in text


def test_the_clinical_page_has_no_log_of_boxes(tmp_path):
    text = text_of(clinical(an_examination(tmp_path)))
    assert "abab" not in text
    assert "12000" not in text


LONG = "A sentence that says a little more than it must. " * 200


@pytest.mark.parametrize(
    ("lesions", "pictures", "text", "remark"),
    [
        (0, 0, "", ""),
        (12, 0, "Fine.", "Lifted well."),
        (12, 9, LONG, LONG),
        (60, 3, LONG, LONG),
        (1, 1, "\n".join(f"line {n}" for n in range(900)), ""),
        (1, 0, "x" * 9000, "y" * 9000),
    ],
)
def test_the_clinical_report_is_always_one_page_and_its_text_stays_on_the_paper(
    tmp_path, lesions, pictures, text, remark
):
    folder = an_examination(tmp_path, lesions, pictures, text or "-", remark)
    document = clinical(folder)
    assert document.pageCount() == 1
    said = text_of(document)
    assert NOTICE in said
    assert said.count("hepatic flexure") + left_out(said, "lesions") == lesions
    page = drawn(document)
    assert orange_blobs(page) + left_out(said, "pictures") == pictures
    ink = np.argwhere(page.min(axis=2) < 200)
    assert ink.min() > 40  # 10 mm of white around everything
    assert (ink.max(axis=0) < np.array([1188, 840]) - 40).all()
    foot = page[1100:1118]  # between the last line or picture and the foot
    assert (foot.min(axis=(1, 2)) > 200).any()


def left_out(said: str, what: str) -> int:
    found = re.search(rf"(\d+) more {what}", said)
    return int(found[1]) if found else 0


def test_what_does_not_fit_is_said_to_stand_elsewhere(tmp_path):
    folder = an_examination(tmp_path, lesions=3, pictures=9, text=LONG, remark=LONG[:2000])
    assert "(in full in the technical report)" in text_of(clinical(folder))
    report = opened(technical_pdf(build_report(folder), Words("en"), ROME))
    whole = "".join(text_of(report, page) for page in range(report.pageCount()))
    assert whole.count("A sentence that says") > 2 * 200 + 3 * 40


def test_without_lesions_the_page_says_that_none_was_marked(tmp_path):
    assert "No lesion was marked." in text_of(clinical(an_examination(tmp_path, lesions=0)))


def test_what_was_not_marked_is_not_called_a_no(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        pass
    text = text_of(clinical(keeper.folder))
    assert "Preliminary: the examination was not ended" in text
    assert "Caecum reached not marked" in text
    assert "Withdrawal time not stated" in text
    assert "Polyp detection by software not used" in text


def test_gaps_and_missing_pictures_show_on_the_page(tmp_path):
    folder = an_examination(tmp_path, pictures=2)
    (folder / "picture1.png").write_bytes(b"not a picture")
    (folder / "picture0.png").unlink()
    document = clinical(folder)
    assert "The record has gaps (1)" in text_of(document)
    assert text_of(document).count("The picture cannot be read.") == 2
    assert orange_blobs(drawn(document)) == 0


def test_the_clinical_page_is_made_for_archives(tmp_path):
    pdf = clinical_pdf(build_report(an_examination(tmp_path)), Words("en"), ROME)
    assert pdf.startswith(b"%PDF-1.4")
    assert b"/GTS_PDFA1" in pdf


def test_the_technical_report_has_versions_hashes_figures_and_every_event(tmp_path):
    folder = an_examination(tmp_path, pictures=1)
    document = opened(technical_pdf(build_report(folder), Words("en"), ROME))
    pages = document.pageCount()
    text = "".join(text_of(document, page) for page in range(pages))
    for said in (
        "ab" * 32,
        "threshold 0.410",
        "Frames analysed / skipped / failed 12000 / 3 / 1",
        "hidden 1:00",
        "31 ms / –",
        'preset "balanced"',
        "caecum_reached",
        build_report(folder).pictures[0].sha256,
        f"Page {pages} of {pages}",
    ):
        assert said in text
    assert text.count(NOTICE) == pages


def test_in_italian_no_english_is_left(tmp_path):
    text = text_of(clinical(an_examination(tmp_path), Words("it")))
    for said in ("Referto di colonscopia", "Tempo di retrazione 20:00 (senza interventi: 19:30)", "flessura epatica"):
        assert said in text
    english = [
        e
        for e, i in ITALIAN.items()
        if len(e) > 8 and e != i and "{" not in e and re.search(rf"\b{re.escape(e)}\b", text)
    ]
    assert english == []


def test_every_string_has_an_italian_with_the_same_values():
    for english, italian in ITALIAN.items():
        assert italian.strip()
        assert sorted(re.findall(r"\{(\w+)\}", english)) == sorted(re.findall(r"\{(\w+)\}", italian))
    assert set(SEGMENTS.values()) | set(METHODS.values()) <= set(ITALIAN)


def test_a_string_that_nobody_could_translate_is_a_mistake():
    with pytest.raises(KeyError, match="Anything else"):
        Words("it")("Anything else")


def test_without_a_language_the_report_speaks_that_of_the_application(qapp):
    translator = ReportTranslator("it")
    assert not translator.isEmpty()
    qapp.installTranslator(translator)
    try:
        assert Words()("Lesions") == "Lesioni"
        assert Words("en")("Lesions") == "Lesions"
    finally:
        qapp.removeTranslator(translator)
    assert Words()("Lesions") == "Lesions"


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (59.99, "0:59"), (61, "1:01"), (3725, "1:02:05")])
def test_durations_read_like_a_clock(seconds, said):
    assert clock(seconds) == said


def test_the_command_writes_three_files(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    folder = an_examination(tmp_path, pictures=1)
    out = tmp_path / "reports"
    assert main(["report", str(folder), "--out", str(out), "--language", "it"]) == 0
    name = folder.name
    assert capsys.readouterr().out.splitlines() == [
        str(out / f"{name}-clinical.pdf"), str(out / f"{name}-technical.pdf"), str(out / f"{name}-report.json"),
    ]  # fmt: skip
    assert "Referto" in text_of(opened((out / f"{name}-clinical.pdf").read_bytes()))
    assert json.loads((out / f"{name}-report.json").read_text(encoding="utf-8"))["gaps"] == []


def test_the_command_says_what_is_missing_and_its_status_too(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    folder = an_examination(tmp_path, pictures=1)
    (folder / "picture0.png").unlink()
    assert main(["report", str(folder), "--out", str(tmp_path / "reports")]) == 9
    assert "picture0.png cannot be read" in capsys.readouterr().err


def test_the_command_refuses_a_folder_without_an_examination(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "reports")]) == 6
    assert "Give the folder of an examination" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()
