"""DeckLink cards and GStreamer pipelines: what is typed, what is said where GStreamer is missing, and real pictures."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator

import numpy as np
import pytest

from app.capture import GstSource, make_source, parse_source
from app.capture.gstreamer import parse_gst
from app.capture.gstreamer_runtime import choices, gstreamer, has_element
from detector.errors import SourceError, UsageError
from detector.frame import Frame, FrameSource, Interruption, SourceKind, SourceState
from detector.geometry import Size

HAS_GI = importlib.util.find_spec("gi") is not None
needs_gstreamer = pytest.mark.skipif(
    not has_element("videotestsrc") if HAS_GI else True,
    reason="GStreamer or PyGObject is not installed in this environment",
)


# -- what is typed ----------------------------------------------------------------------------------------------------


def test_a_decklink_card_is_named_by_number_with_mode_and_connection() -> None:
    spec = parse_source("decklink:1?mode=1080p50&connection=sdi")
    assert (spec.kind, spec.label) == (SourceKind.STREAM, "DeckLink 1")
    assert spec.gst is not None
    assert spec.gst.description.startswith("decklinkvideosrc ")
    words = spec.gst.description.split()
    assert {"device-number=1", "mode=1080p50", "connection=sdi", "video-format=8bit-yuv"} <= set(words)
    assert "drop-no-signal-frames=true" in words


def test_only_an_automatic_mode_leaves_the_pixel_format_to_the_card() -> None:
    assert "mode=auto connection=auto video-format=auto" in parse_gst("decklink:0")[1].description
    assert "video-format=10bit-yuv" in parse_gst("decklink:0?mode=pal&format=10bit-yuv")[1].description


@pytest.mark.parametrize(
    "text",
    [
        "decklink:",
        "decklink:first",
        "decklink:0?mode",
        "decklink:0?mode=",
        "decklink:0?speed=1",
        "decklink:0?mode=auto&mode=pal",
        "decklink:0?mode=auto ! filesink location=x",
        "gst:",
        "gst:!",
        "gst:videotestsrc ! appsink",
    ],
)
def test_what_names_no_card_and_no_pipeline_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.hint


def test_a_label_holds_nothing_secret() -> None:
    spec = parse_source("gst:rtspsrc location=rtsp://me:secret@host/a user-pw=hidden ! decodebin")
    assert spec.label == "GStreamer rtspsrc"


@pytest.mark.skipif(HAS_GI, reason="PyGObject is installed in this environment")
def test_without_gstreamer_a_message_says_what_to_install() -> None:
    with pytest.raises(SourceError, match="GStreamer is not installed") as caught:
        make_source("decklink:0").open()
    assert "gstreamer1.0-plugins-bad" in caught.value.hint
    assert not has_element("videotestsrc")


# -- real pipelines ---------------------------------------------------------------------------------------------------


@pytest.fixture
def opened() -> Iterator[list[FrameSource]]:
    sources: list[FrameSource] = []
    yield sources
    for source in sources:
        source.close()


def pipeline(opened: list[FrameSource], description: str) -> GstSource:
    source = make_source(f"gst:{description}")
    assert isinstance(source, GstSource)
    opened.append(source)
    return source


def frames_until_the_end(source: GstSource) -> tuple[list[Frame], Interruption]:
    frames: list[Frame] = []
    while isinstance(item := source.read(), Frame):
        frames.append(item)
    return frames, item


@needs_gstreamer
def test_a_live_pipeline_gives_the_newest_pictures_with_running_time(opened: list[FrameSource]) -> None:
    source = pipeline(opened, "videotestsrc is-live=true ! video/x-raw,width=322,height=240,framerate=50/1")
    info = source.open()
    assert (info.live, info.size, info.rate) == (True, Size(322, 240), 50)
    first = source.read()
    time.sleep(0.2)
    second = source.read()
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert second.index == first.index + 1
    assert first.time is not None
    assert second.time is not None
    assert second.time.seconds - first.time.seconds == pytest.approx(0.2, abs=0.15)
    assert source.overwritten >= 2
    assert source.mode.startswith("322x240, 50 frames/s")


@needs_gstreamer
@pytest.mark.parametrize("colorimetry", ["bt601", "bt709"])
def test_colours_follow_the_matrix_that_the_signal_names(opened: list[FrameSource], colorimetry: str) -> None:
    caps = f"video/x-raw,format=UYVY,width=320,height=240,framerate=50/1,colorimetry={colorimetry}"
    source = pipeline(opened, f"videotestsrc is-live=true pattern=solid-color foreground-color=0xffc86432 ! {caps}")
    source.open()
    frame = source.read()
    assert isinstance(frame, Frame)
    assert np.abs(frame.image.reshape(-1, 3).mean(axis=0) - (0x32, 0x64, 0xC8)).max() <= 4  # the wrong one: 12 and more


@needs_gstreamer
def test_fields_stay_woven_and_the_mode_says_so(opened: list[FrameSource]) -> None:
    source = pipeline(
        opened,
        "videotestsrc is-live=true ! video/x-raw,format=UYVY,width=720,height=576,framerate=25/1,"
        "interlace-mode=interleaved,pixel-aspect-ratio=16/15",
    )
    info = source.open()
    assert (info.size, info.rate) == (Size(720, 576), 25)
    assert "interlaced" in source.mode
    assert "pixels 16:15" in source.mode


@needs_gstreamer
def test_what_is_not_live_comes_at_its_own_pace_and_its_end_is_a_lost_signal(opened: list[FrameSource]) -> None:
    source = pipeline(opened, "videotestsrc num-buffers=8 ! video/x-raw,width=320,height=240,framerate=20/1")
    begun = time.monotonic()
    source.open()
    frames, end = frames_until_the_end(source)
    assert time.monotonic() - begun > 0.25  # eight pictures at once would mean that it ran as fast as it could
    assert len(frames) >= 4
    assert (end.state, end.detail) == (SourceState.LOST, "the pipeline ended")


@needs_gstreamer
def test_a_picture_that_changes_its_size_goes_on(opened: list[FrameSource]) -> None:
    source = pipeline(
        opened,
        "concat name=c  videotestsrc num-buffers=15 ! video/x-raw,width=320,height=240,framerate=50/1 ! c. "
        "videotestsrc num-buffers=15 ! video/x-raw,width=640,height=480,framerate=25/1 ! c.  c.",
    )
    source.open()
    frames, _ = frames_until_the_end(source)
    sizes = list(dict.fromkeys(frame.size for frame in frames))
    assert sizes == [Size(320, 240), Size(640, 480)]
    times = [frame.time.seconds for frame in frames if frame.time is not None]
    assert len(times) == len(frames)
    assert times == sorted(times)
    assert "640x480, 25 frames/s" in source.mode


@needs_gstreamer
def test_after_the_end_a_pipeline_can_be_opened_again_and_counting_goes_on(opened: list[FrameSource]) -> None:
    source = pipeline(opened, "videotestsrc num-buffers=5 ! video/x-raw,width=320,height=240,framerate=50/1")
    info = source.open()
    before, _ = frames_until_the_end(source)
    assert source.open() == info
    after = source.read()
    assert isinstance(after, Frame)
    assert after.index == before[-1].index + 1
    assert after.time is not None
    assert before[-1].time is not None
    assert after.time.seconds > before[-1].time.seconds


@needs_gstreamer
@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("nosuchthing", 'no element "nosuchthing"'),
        ("videotestsrc nosuch=1", 'no property "nosuch"'),
        ("videotestsrc pattern=secretword", "a property has a value that its element does not take"),
        ("filesrc location=/nowhere/at/all ! decodebin", "cannot be opened"),
    ],
)
def test_a_pipeline_that_cannot_be_built_says_why_and_quotes_no_values(
    opened: list[FrameSource], description: str, said: str
) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        pipeline(opened, description).open()
    assert caught.value.hint
    assert "secretword" not in str(caught.value)


@needs_gstreamer
def test_a_mode_that_the_card_does_not_know_names_those_that_it_does() -> None:
    if not has_element("decklinkvideosrc"):
        pytest.skip("this GStreamer has no decklink plug-in")
    with pytest.raises(SourceError, match="does not take these options") as caught:
        make_source("decklink:0?mode=1080p55").open()
    assert "1080p50" in caught.value.hint
    assert {"sdi", "hdmi"} <= set(choices("decklinkvideosrc", "connection"))


@needs_gstreamer
def test_a_card_that_is_not_there_is_refused_with_what_to_check() -> None:
    if not has_element("decklinkvideosrc"):
        pytest.skip("this GStreamer has no decklink plug-in")
    provider = gstreamer().DeviceProviderFactory.get_by_name("decklinkdeviceprovider")
    if provider is not None and provider.get_devices():
        pytest.skip("there is a DeckLink card in this machine")
    with pytest.raises(SourceError, match="DeckLink 0 cannot be opened") as caught:
        make_source("decklink:0?mode=1080p50").open()
    assert "Desktop Video" in caught.value.hint


@needs_gstreamer
def test_a_decklink_card_gives_pictures() -> None:
    source = make_source("decklink:0")
    try:
        source.open()
    except SourceError as error:
        pytest.skip(f"no DeckLink card with a signal: {error.what}")
    frame = source.read()
    source.close()
    assert isinstance(frame, Frame)
