"""What a telephone heard: reading a recording that is still being written, and finding a tone in it.

Each telephone of the lab sends one tone, of its own frequency. A telephone that hears the tone of the other one,
and not its own, has audio in that direction; two telephones that do have audio both ways.
"""

from __future__ import annotations

import array
import math
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

# A tenth of a second: 10 Hz of resolution, so tones at multiples of 10 Hz do not leak into each other at all,
# and a call that loses its audio for one block is seen.
BLOCK_SECONDS = 0.1

# Of a block's energy, how much has to be at the tone. A pure tone through G.711 gives above 0.99; speech, ringing
# (two frequencies), comfort noise or the mixture of two telephones stay below.
PURITY = 0.8

# Root mean square of a block, of 32767, below which it is silence: -50 dBFS.
SILENCE_RMS = 100.0

WAVE_FORMAT_PCM = 1
BYTES_PER_SAMPLE = 2


@dataclass(frozen=True)
class Recording:
    """Mono sound: its sample rate in Hz and its samples, signed 16 bit."""

    rate: int
    samples: array.array[int]

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


def parse_wav(data: bytes) -> Recording:
    """Read a WAV file whose writer may not have closed it yet.

    The sizes in the header of such a file are those of its beginning, so what counts as sound is everything after
    the header of the chunk ``data``.

    Args:
        data: the bytes of the file (RIFF WAVE, PCM, 16 bit, one channel).

    Returns:
        The sound; without samples when the file has no data chunk yet.

    Raises:
        ValueError: the bytes are the beginning of something else.
    """
    if len(data) < len("RIFF....WAVE"):
        return Recording(8000, array.array("h"))
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    rate = 0
    position = 12
    while position + 8 <= len(data):
        name, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        body = position + 8
        if name != b"data" and body + size > len(data):
            break
        if name == b"fmt ":
            form, channels, rate, _bytes_per_second, _align, bits = struct.unpack_from("<HHIIHH", data, body)
            if (form, channels, bits) != (WAVE_FORMAT_PCM, 1, 8 * BYTES_PER_SAMPLE):
                raise ValueError(f"WAV format {form} with {channels} channels of {bits} bit; expected PCM mono 16 bit")
        if name == b"data":
            if not rate:
                raise ValueError("WAV file with its data before its format")
            sound = data[body:]
            samples = array.array("h", sound[: len(sound) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE])
            if sys.byteorder == "big":
                samples.byteswap()
            return Recording(rate, samples)
        position = body + size + size % 2
    return Recording(rate or 8000, array.array("h"))


def read_wav(path: Path) -> Recording:
    """Read a WAV file that may still be growing; see parse_wav."""
    return parse_wav(path.read_bytes())


def tone_fraction(block: array.array[int], rate: int, hertz: float) -> float:
    """The part of a block's energy that is at one frequency, by Goertzel's algorithm.

    Power of the bin: |X|^2 = s1^2 + s2^2 - 2 cos(w) s1 s2 (G. Goertzel, American Mathematical Monthly 65, 1958). A
    sine of amplitude A has |X|^2 = (A N / 2)^2 and energy N A^2 / 2, so 2 |X|^2 / (N energy) is 1 for that sine.

    Args:
        block: samples.
        rate: sample rate in Hz.
        hertz: frequency in Hz, below rate / 2.

    Returns:
        0 (none, or silence) to 1 (nothing but this tone).
    """
    energy = float(sum(sample * sample for sample in block))
    if not energy or math.sqrt(energy / len(block)) < SILENCE_RMS:
        return 0.0
    factor = 2.0 * math.cos(2.0 * math.pi * hertz / rate)
    last = before = 0.0
    for sample in block:
        last, before = sample + factor * last - before, last
    power = last * last + before * before - factor * last * before
    return min(1.0, 2.0 * power / (len(block) * energy))


def seconds_of_tone(recording: Recording, hertz: float) -> float:
    """How long a tone, and nothing louder than it, is in a recording: the sum of the blocks that consist of it.

    Args:
        recording: the sound.
        hertz: frequency in Hz.

    Returns:
        Seconds, in steps of BLOCK_SECONDS.
    """
    length = round(recording.rate * BLOCK_SECONDS)
    starts = range(0, len(recording.samples) - length + 1, length)
    blocks = (recording.samples[start : start + length] for start in starts)
    return BLOCK_SECONDS * sum(tone_fraction(block, recording.rate, hertz) >= PURITY for block in blocks)
