"""``OnnxDetector`` on tiny networks: boxes in frame pixels, or an error that says what is wrong."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto

from detector.detections import Detections
from detector.errors import ModelError, ProviderError
from detector.frame import Frame, FrameTime
from detector.geometry import Letterbox, Size
from detector.providers import open_session
from detector.runtime import MIN_SCORE, OnnxDetector, load_detector
from tests.tiny_models import (
    SIZE,
    TOP_K,
    fixed_network,
    manifest_fields,
    other_network,
    red_patch_network,
    variant_fields,
    write_model,
)

RED = (20, 30, 230)  # BGR
INPUT = Size(*SIZE)
# In input pixels: two that overlap by 0.8, one apart, one weak.
FOUR = [(10, 10, 50, 50), (10, 10, 50, 42), (80, 60, 120, 100), (100, 10, 140, 40)]
FOUR_SCORES = [0.9, 0.8, 0.6, 0.2]


def picture(size: Size, patch: tuple[int, int, int, int] | None = None) -> npt.NDArray[np.uint8]:
    image = np.full((size.height, size.width, 3), 60, np.uint8)
    if patch is not None:
        x1, y1, x2, y2 = patch
        image[y1:y2, x1:x2] = RED
    return image


def frame(image: npt.NDArray[np.uint8] | None = None, index: int = 3) -> Frame:
    return Frame(index, FrameTime(7, Fraction(1, 25)), 0, picture(INPUT) if image is None else image)


@pytest.fixture
def detector_of(tmp_path: Path) -> Callable[..., OnnxDetector]:
    def make(network: bytes, manifest: dict[str, Any] | None = None, **changes: Any) -> OnnxDetector:
        return OnnxDetector(write_model(tmp_path / "tiny", network, manifest, **changes), "cpu")

    return make


class TestBoxes:
    @pytest.mark.parametrize(
        "size", [Size(1920, 1080), Size(1921, 1081), Size(719, 575), Size(1080, 1920), Size(160, 128), Size(90, 61)]
    )
    def test_come_back_in_pixels_of_the_frame(self, size: Size, detector_of: Callable[..., OnnxDetector]) -> None:
        patch = (size.width // 5, size.height // 4, size.width // 2, size.height * 4 // 5)
        found = detector_of(red_patch_network()).detect(frame(picture(size, patch)))
        box = Letterbox.fit(size, INPUT)
        model_pixel = 1 / min(box.scale)
        assert found.boxes.shape == (1, 4)
        assert found.boxes[0] == pytest.approx(patch, abs=1.5 * model_pixel)

    @pytest.mark.parametrize("colour", ["bgr", "rgb"])
    @pytest.mark.parametrize(("mean", "std"), [([0, 0, 0], [1, 1, 1]), ([123.7, 116.3, 103.5], [58.4, 57.1, 57.4])])
    def test_are_found_in_every_colour_order_and_normalisation(
        self, colour: str, mean: list[float], std: list[float], detector_of: Callable[..., OnnxDetector]
    ) -> None:
        network = red_patch_network(colour=colour, mean=mean, std=std)
        detector = detector_of(network, input={"colour": colour, "mean": mean, "std": std})
        found = detector.detect(frame(picture(INPUT, (32, 16, 96, 80))))
        assert found.boxes.tolist() == [[32, 16, 96, 80]]
        assert found.scores == pytest.approx([(230 - 30) / 255], abs=1e-5)
        blue = np.ascontiguousarray(picture(INPUT, (32, 16, 96, 80))[..., ::-1])
        assert len(detector.detect(frame(blue), MIN_SCORE)) == 0

    def test_a_picture_without_anything_gives_nothing(self, detector_of: Callable[..., OnnxDetector]) -> None:
        found = detector_of(red_patch_network()).detect(frame(), MIN_SCORE)
        assert len(found) == 0
        assert (found.frame_index, found.time) == (3, FrameTime(7, Fraction(1, 25)))

    def test_below_the_operating_threshold_are_left_out(self, detector_of: Callable[..., OnnxDetector]) -> None:
        detector = detector_of(fixed_network(FOUR, FOUR_SCORES), threshold=0.5)
        assert detector.detect(frame()).scores.tolist() == pytest.approx([0.9, 0.6])
        assert detector.detect(frame(), 0.7).scores.tolist() == pytest.approx([0.9])
        assert detector.detect(frame(), 0.1).scores.tolist() == pytest.approx([0.9, 0.6, 0.2])
        assert detector.detect(frame(), 0.95).boxes.shape == (0, 4)

    def test_at_the_threshold_are_in_whatever_its_float(self, detector_of: Callable[..., OnnxDetector]) -> None:
        detector = detector_of(fixed_network(FOUR[:1], [0.7]), threshold=0.7)
        assert len(detector.detect(frame())) == 1

    def test_of_almost_no_score_are_never_returned(self, detector_of: Callable[..., OnnxDetector]) -> None:
        found = detector_of(fixed_network(FOUR, [0.9, 0.5, 0.011, 0.009])).detect(frame(), 0.0)
        assert found.scores.min() >= MIN_SCORE

    def test_above_a_score_are_the_same_whatever_lower_score_was_asked_for(
        self, detector_of: Callable[..., OnnxDetector]
    ) -> None:
        detector = detector_of(fixed_network(FOUR, FOUR_SCORES))
        for score in (0.1, 0.5, 0.6, 0.85):
            low, high = detector.detect(frame(), MIN_SCORE).above(score), detector.detect(frame(), score)
            assert low.boxes.tolist() == high.boxes.tolist()

    def test_that_overlap_suppress_each_other_within_a_class_only(
        self, detector_of: Callable[..., OnnxDetector]
    ) -> None:
        for classes, scores in (([0, 0], [0.9]), ([0, 1], [0.9, 0.8])):
            network = fixed_network(FOUR[:2], FOUR_SCORES[:2], classes)
            manifest = manifest_fields(variant_fields(network), classes=["polyp", "instrument"])
            found = detector_of(network, manifest).detect(frame())
            assert found.scores.tolist() == pytest.approx(scores)
            assert found.classes.tolist() == classes[: len(scores)]

    def test_come_best_first_whatever_the_networks_order(self, detector_of: Callable[..., OnnxDetector]) -> None:
        found = detector_of(fixed_network(FOUR[::-1], FOUR_SCORES[::-1])).detect(frame(), 0.1)
        assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.2])

    def test_in_the_padding_are_dropped_and_on_its_edge_are_cut(self, detector_of: Callable[..., OnnxDetector]) -> None:
        # A wide frame fills the upper 40 of 128 rows.
        wide = Size(640, 160)
        found = detector_of(fixed_network([(10, 60, 50, 100), (10, 20, 50, 90), (-20, -9, 30, 10)], [0.9, 0.8, 0.7]))
        boxes = found.detect(frame(picture(wide))).boxes
        assert boxes.tolist() == [[40, 80, 200, 160], [0, 0, 120, 40]]

    def test_that_are_inverted_or_thinner_than_a_pixel_are_dropped(
        self, detector_of: Callable[..., OnnxDetector]
    ) -> None:
        detector = detector_of(fixed_network([(50, 50, 10, 90), (10, 10, 10.01, 60), (5, 5, 30, 30)], [0.9, 0.8, 0.7]))
        assert detector.detect(frame()).scores.tolist() == pytest.approx([0.7])


class TestRepeats:
    def test_every_run_gives_the_same_bits(self, detector_of: Callable[..., OnnxDetector], tmp_path: Path) -> None:
        def bits(found: Detections) -> tuple[bytes, bytes, bytes]:
            return found.boxes.tobytes(), found.scores.tobytes(), found.classes.tobytes()

        detector = detector_of(red_patch_network())
        noisy = np.random.default_rng(3).integers(0, 256, (333, 517, 3), np.uint8)
        noisy[40:200, 100:300] = RED
        first = bits(detector.detect(frame(noisy)))
        detector.detect(frame(picture(Size(50, 900))))
        assert bits(detector.detect(frame(noisy))) == first
        assert bits(OnnxDetector(tmp_path / "tiny", "cpu", threads=1).detect(frame(noisy))) == first

    def test_the_frame_is_left_alone(self, detector_of: Callable[..., OnnxDetector]) -> None:
        image = picture(Size(640, 480), (10, 10, 200, 200))
        before = image.copy()
        detector_of(red_patch_network()).detect(frame(image))
        assert (image == before).all()

    def test_warm_up_times_every_run_but_the_first(self, detector_of: Callable[..., OnnxDetector]) -> None:
        times = detector_of(red_patch_network()).warm_up(Size(1920, 1080), runs=4)
        assert len(times) == 4
        assert min(times) > 0

    def test_every_stage_is_timed(self, detector_of: Callable[..., OnnxDetector]) -> None:
        stages = detector_of(red_patch_network()).detect(frame()).stage_ns
        assert set(stages) == {"preprocess", "infer", "decode"}
        assert min(stages.values()) > 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("odd", "problem"),
        [
            ({"input_name": "images"}, r"input 'image' is absent, expected .*'images' is .* expected absent"),
            (
                {"input_shape": [1, 3, 160, 128]},
                r"input 'image' is .*\[1, 3, 160, 128\], expected .*\[1, 3, 128, 160\]",
            ),
            ({"input_shape": [1, 3, "height", "width"]}, r"'height', 'width'\], expected .*\[1, 3, 128, 160\]"),
            ({"input_shape": ["batch", 3, 128, 160]}, r"'batch', 3, 128, 160\], expected"),
            ({"input_type": TensorProto.FLOAT16}, r"tensor\(float16\).*expected tensor\(float\)"),
            ({"input_type": TensorProto.UINT8}, r"tensor\(uint8\).*expected tensor\(float\)"),
            ({"outputs": ("dets", "scores", "classes")}, r"output 'boxes' is absent, expected .*'dets' is"),
            ({"top_k": 9}, r"output 'boxes' is .*\[1, 9, 4\], expected .*\[1, 6, 4\].*'scores'.*'classes'"),
            ({"class_type": TensorProto.INT32}, r"output 'classes' is tensor\(int32\).*expected tensor\(int64\)"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_a_network_that_its_manifest_does_not_describe(
        self, odd: dict[str, Any], problem: str, detector_of: Callable[..., OnnxDetector]
    ) -> None:
        with pytest.raises(ModelError, match=problem):
            detector_of(fixed_network(FOUR, FOUR_SCORES, **odd))

    def test_a_network_of_another_kind(self, detector_of: Callable[..., OnnxDetector]) -> None:
        with pytest.raises(ModelError, match="not the network that its manifest describes: input 'image' is absent"):
            detector_of(other_network())

    @pytest.mark.parametrize("damage", [lambda n: n[: len(n) // 2], lambda n: b"", lambda n: b"PK\x03\x04" + n])
    def test_a_damaged_network_whose_hash_is_right(
        self, damage: Callable[[bytes], bytes], detector_of: Callable[..., OnnxDetector]
    ) -> None:
        with pytest.raises(ModelError, match=r"model\.onnx is not (a|the) network"):
            detector_of(damage(fixed_network(FOUR, FOUR_SCORES)))

    def test_a_changed_network(self, detector_of: Callable[..., OnnxDetector]) -> None:
        with pytest.raises(ModelError, match="changed or damaged"):
            detector_of(fixed_network(FOUR, FOUR_SCORES), sha256="0" * 64)

    @pytest.mark.parametrize(
        ("wish", "said"),
        [({"contract": "frame_u8_hwc"}, "'rows' is absent"), ({"resize": "area2-bilinear/2"}, "area2-bilinear/2")],
    )
    def test_a_contract_that_is_not_the_networks_or_of_a_newer_version(
        self, wish: dict[str, str], said: str, detector_of: Callable[..., OnnxDetector]
    ) -> None:
        with pytest.raises(ModelError, match=said):
            detector_of(red_patch_network(), input=wish)

    def test_a_variant_that_is_not_there(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", red_patch_network())
        with pytest.raises(ModelError, match="no variant 'big'"):
            OnnxDetector(folder, "cpu", variant="big")
        with pytest.raises(ModelError, match="no variant 'big'"):
            OnnxDetector(folder, "auto", variant="big")

    @pytest.mark.parametrize(
        ("boxes", "scores"),
        [([(float("nan"), 0, 9, 9)], [0.9]), ([(0, 0, 9, 9)], [float("nan")]), ([(0, 0, float("inf"), 9)], [0.9])],
    )
    def test_numbers_that_are_none(
        self, boxes: list[Any], scores: list[float], detector_of: Callable[..., OnnxDetector]
    ) -> None:
        detector = detector_of(fixed_network(boxes, scores))
        with pytest.raises(ProviderError, match="not numbers"):
            detector.detect(frame())

    @pytest.mark.parametrize(("score", "cls"), [(3.2, 0), (0.9, 1), (0.9, -1)])
    def test_scores_and_classes_that_the_manifest_does_not_allow(
        self, score: float, cls: int, detector_of: Callable[..., OnnxDetector]
    ) -> None:
        detector = detector_of(fixed_network(FOUR[:1], [score], [cls]))
        with pytest.raises(ModelError, match=rf"scores up to {score} and classes {cls} to {cls}"):
            detector.detect(frame())


class TestProviderChoice:
    """What ``auto`` does, on any machine."""

    def test_what_runs_is_told(self, tmp_path: Path) -> None:
        network = fixed_network(FOUR, FOUR_SCORES)
        info = load_detector(str(write_model(tmp_path / "tiny", network)), "cpu").info
        assert (info.model, info.version, info.variant, info.provider) == ("tiny", "1.0", "tiny", "cpu")
        assert info.provider_reason == ""
        assert (info.threshold, info.classes, info.validated_light) == (0.5, ("polyp",), ("white",))
        assert info.sha256 == variant_fields(network)["sha256"]

    def test_auto_takes_the_cpu_for_a_model_made_for_it(self, tmp_path: Path) -> None:
        info = OnnxDetector(write_model(tmp_path / "tiny", red_patch_network()), "auto").info
        assert info.provider == "cpu"
        assert info.provider_reason == "auto: cpu, because no variant of the model is meant for cuda"

    def test_auto_says_why_a_gpu_is_not_used(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", red_patch_network(), providers=["cuda", "cpu"])
        info = OnnxDetector(folder, "auto").info
        if info.provider == "cuda":
            assert info.provider_reason == "auto: cuda"
        else:
            assert info.provider_reason.startswith("auto: cpu, because th")
            assert "cuda" in info.provider_reason

    def test_a_named_variant_is_only_combined_with_what_it_is_meant_for(self, tmp_path: Path) -> None:
        network = red_patch_network()
        variants = [variant_fields(network, name=name, providers=[name]) for name in ("cuda", "cpu")]
        folder = write_model(tmp_path / "tiny", network, manifest_fields(*variants))
        info = OnnxDetector(folder, "auto", variant="cpu").info
        assert (info.variant, info.provider) == ("cpu", "cpu")
        assert OnnxDetector(folder, "cpu", variant="cuda").info.variant == "cuda"

    def test_a_model_for_a_gpu_only_is_not_run_on_the_cpu_by_auto(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", red_patch_network(), providers=["tensorrt"])
        with pytest.raises(ModelError, match=r"cannot run here: no variant .* for cuda; no variant .* for cpu"):
            OnnxDetector(folder, "auto")

    @pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
    def test_a_named_provider_never_falls_back(self, provider: str, tmp_path: Path) -> None:
        try:
            open_session(other_network(), provider, None)
        except ProviderError:
            folder = write_model(tmp_path / "tiny", red_patch_network(), providers=["cpu", "cuda", "tensorrt"])
            with pytest.raises(ProviderError, match=f"{provider} provider"):
                OnnxDetector(folder, provider)
        else:
            pytest.skip(f"{provider} works on this machine")

    def test_cuda_finds_what_the_cpu_finds(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", red_patch_network(), providers=["cpu", "cuda"])
        try:
            gpu = OnnxDetector(folder, "cuda")
        except ProviderError as error:
            pytest.skip(f"no usable CUDA on this machine: {error.what}")
        image = picture(Size(1920, 1080), (300, 200, 900, 700))
        found, expected = gpu.detect(frame(image)), OnnxDetector(folder, "cpu").detect(frame(image))
        assert gpu.info.provider == "cuda"
        assert found.boxes == pytest.approx(expected.boxes, abs=0.01)
        assert found.scores == pytest.approx(expected.scores, abs=1e-4)


def test_as_many_boxes_as_the_network_has_rows(detector_of: Callable[..., OnnxDetector]) -> None:
    boxes = [(20 * n, 5, 20 * n + 15, 60) for n in range(TOP_K)]
    assert len(detector_of(fixed_network(boxes, [0.9] * TOP_K)).detect(frame())) == TOP_K
