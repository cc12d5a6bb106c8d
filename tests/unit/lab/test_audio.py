"""The tone is found when it is there, and only then: what the telephones' proof of audio rests on."""

from __future__ import annotations

import array
import math
import random
import struct

import pytest

from lab import audio

RATE = 8000


def sine(hertz: float, seconds: float, amplitude: float = 8000.0) -> array.array[int]:
    step = 2 * math.pi * hertz / RATE
    return array.array("h", (round(amplitude * math.sin(step * n)) for n in range(round(RATE * seconds))))


def mixed(*parts: array.array[int]) -> array.array[int]:
    return array.array("h", (sum(samples) for samples in zip(*parts, strict=True)))


def through_g711(samples: array.array[int]) -> array.array[int]:
    """Quantise as mu-law does (ITU-T G.711): 8 segments, 4 bits of mantissa."""

    def quantise(sample: int) -> int:
        magnitude = min(abs(sample), 32635) + 132
        step = 1 << (magnitude.bit_length() - 5)
        value = magnitude // step * step + step // 2 - 132
        return value if sample >= 0 else -value

    return array.array("h", map(quantise, samples))


def wav(samples: array.array[int], *, data_size: int | None = None, channels: int = 1, extra: bytes = b"") -> bytes:
    body = samples.tobytes()
    size = len(body) if data_size is None else data_size
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, RATE, 2 * RATE, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + form + extra + struct.pack("<4sI", b"data", size) + body


def heard(samples: array.array[int], hertz: float) -> float:
    return audio.seconds_of_tone(audio.Recording(RATE, samples), hertz)


@pytest.mark.parametrize("hertz", [440, 620])
def test_finds_the_tone_through_g711(hertz: int) -> None:
    assert heard(through_g711(sine(hertz, 2.0)), hertz) == pytest.approx(2.0)


def test_takes_no_tone_for_another() -> None:
    assert heard(sine(440, 2.0), 620) == 0


def test_counts_only_the_blocks_with_the_tone() -> None:
    samples = sine(440, 0.5) + array.array("h", bytes(2 * RATE)) + sine(440, 0.7)
    assert heard(samples, 440) == pytest.approx(1.2)


def test_a_tone_that_is_too_quiet_is_silence() -> None:
    assert heard(sine(440, 1.0, amplitude=100), 440) == 0


def test_silence_is_no_tone() -> None:
    assert heard(array.array("h", bytes(2 * RATE)), 440) == 0


def test_noise_is_no_tone() -> None:
    generator = random.Random(1)  # noqa: S311 - noise, not a secret
    assert heard(array.array("h", (generator.randrange(-8000, 8000) for _sample in range(RATE))), 440) == 0


def test_both_tones_at_once_are_neither() -> None:
    # A telephone that hears itself as well as the other must not pass for one that hears the other.
    both = mixed(sine(440, 1.0), sine(620, 1.0))
    assert (heard(both, 440), heard(both, 620)) == (0, 0)


def test_dial_tone_and_ringing_are_no_440() -> None:
    ringing = mixed(sine(440, 1.0), sine(480, 1.0))
    assert heard(ringing, 440) == 0


def test_reads_a_wav_that_is_complete() -> None:
    recording = audio.parse_wav(wav(sine(440, 1.0)))
    assert (recording.rate, recording.seconds) == (RATE, 1.0)
    assert recording.samples == sine(440, 1.0)


def test_reads_a_wav_whose_header_still_says_empty() -> None:
    assert audio.parse_wav(wav(sine(440, 1.0), data_size=0)).seconds == 1.0


def test_reads_a_wav_cut_within_a_sample() -> None:
    assert len(audio.parse_wav(wav(sine(440, 1.0))[:-1]).samples) == RATE - 1


def test_skips_chunks_it_does_not_know() -> None:
    extra = struct.pack("<4sI", b"LIST", 3) + b"abc\0"
    assert audio.parse_wav(wav(sine(440, 0.5), extra=extra)).seconds == 0.5


@pytest.mark.parametrize("length", [0, 5, 12, 20, 40])
def test_a_wav_that_has_just_begun_has_no_sound(length: int) -> None:
    assert len(audio.parse_wav(wav(sine(440, 0.1))[:length]).samples) == 0


def test_refuses_what_is_no_wav() -> None:
    with pytest.raises(ValueError, match="not a WAV file"):
        audio.parse_wav(b"ID3" + bytes(100))


def test_refuses_stereo() -> None:
    with pytest.raises(ValueError, match="2 channels"):
        audio.parse_wav(wav(sine(440, 0.1), channels=2))
