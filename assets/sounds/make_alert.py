"""Makes ``alert.wav``: two quick soft notes. Run it again after a change: ``python assets/sounds/make_alert.py``."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 44_100
# A fifth upwards (E5, B5), quiet, with soft edges: to be noticed, not to startle.
NOTES = ((659.26, 0.0), (987.77, 0.11))
NOTE_S = 0.22
TOTAL_S = 0.36
LEVEL = 0.28


def note(pitch_hz: float) -> np.ndarray:
    """One note: a sine with a little of its octave, rising in 12 ms and ringing out."""
    time = np.arange(int(NOTE_S * RATE)) / RATE
    tone = np.sin(2 * np.pi * pitch_hz * time) + 0.15 * np.sin(4 * np.pi * pitch_hz * time)
    attack = np.minimum(1.0, time / 0.012)
    release = np.minimum(1.0, (NOTE_S - time) / 0.03)
    return tone * attack * release * np.exp(-time / 0.08)


def samples() -> np.ndarray:
    """The whole sound as int16."""
    sound = np.zeros(int(TOTAL_S * RATE))
    for pitch_hz, begin_s in NOTES:
        wave_form = note(pitch_hz)
        begin = int(begin_s * RATE)
        sound[begin : begin + len(wave_form)] += wave_form
    return (sound / np.abs(sound).max() * LEVEL * 32767).round().astype("<i2")


def main() -> None:
    """Write the file beside this script."""
    with wave.open(str(Path(__file__).with_name("alert.wav")), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples().tobytes())


if __name__ == "__main__":
    main()
