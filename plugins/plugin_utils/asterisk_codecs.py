# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codecs of the inventory: which of them Asterisk knows, and whether there is one in which it can speak.

An unknown codec costs every endpoint that has it: Asterisk leaves it out, with a line in its log.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, meant, problem

#: Codecs that Asterisk translates, with the module that does it; the role loads the first four's (main/codec_builtin.c, 20 to 22).
TRANSLATED = {
    "alaw": "codec_alaw", "ulaw": "codec_ulaw", "g722": "codec_g722", "gsm": "codec_gsm", "adpcm": "codec_adpcm",
    "codec2": "codec_codec2", "g726": "codec_g726", "g726aal2": "codec_g726", "ilbc": "codec_ilbc", "lpc10": "codec_lpc10",
    "speex": "codec_speex", "speex16": "codec_speex", "speex32": "codec_speex", "slin": "codec_resample", "slin12": "codec_resample",
    "slin16": "codec_resample", "slin24": "codec_resample", "slin32": "codec_resample", "slin44": "codec_resample",
    "slin48": "codec_resample", "slin96": "codec_resample", "slin192": "codec_resample",
}  # fmt: skip
#: Codecs that Asterisk passes on between telephones; a module of another vendor may translate them.
PASSED = {
    "g719": "codec_g719", "g723": "codec_g723", "g729": "codec_g729", "opus": "codec_opus", "silk8": "codec_silk",
    "silk12": "codec_silk", "silk16": "codec_silk", "silk24": "codec_silk", "siren7": "codec_siren7", "siren14": "codec_siren14",
}  # fmt: skip
VIDEO = ("h261", "h263", "h263p", "h264", "h265", "mpeg4", "vp8", "vp9")
CODECS = (*TRANSLATED, *PASSED, *VIDEO)
#: Codecs whose modules the role loads.
LOADED = ("alaw", "ulaw", "g722", "gsm", *(name for name in TRANSLATED if name.startswith("slin")))


def problems(variable: str, codecs: Sequence[str], modules: Collection[str]) -> Iterator[Problem]:
    """Report what is wrong with a list of codecs.

    :param variable: its name, for the message.
    :param codecs: as Asterisk names them, with V(:) and milliseconds for packets of another length.
    :param modules: names of modules that are loaded besides the roles' own, without .so.
    """
    names = [codec.partition(":")[0] for codec in codecs]
    for codec, name in zip(codecs, names):
        if name not in CODECS:
            yield problem(
                f"{variable} has {codec!r}, which is no codec of Asterisk; it would leave out every telephone",
                f"{meant(name, CODECS)}Asterisk has {', '.join(CODECS)}.",
            )
        elif not re.fullmatch("[a-z0-9]+(:[1-9][0-9]{0,2})?", codec):
            yield problem(
                f"{variable} has {codec!r}: what stands behind the colon is no number of milliseconds",
                f"Write {name}, or {name}:20 for packets of 20 ms.",
            )
    spoken = [name for name in names if name in LOADED or {**TRANSLATED, **PASSED}.get(name, "") in modules]
    if not spoken and all(name in CODECS for name in names):
        yield problem(
            f"{variable} is {', '.join(codecs) or 'empty'}: Asterisk has nothing to speak or record in, neither prompts nor"
            " voicemail",
            f"Add one of {', '.join(name for name in LOADED if not name.startswith('slin'))}; or, where a module translates one of"
            " yours, name it in asterisk_extra_modules.",
        )
