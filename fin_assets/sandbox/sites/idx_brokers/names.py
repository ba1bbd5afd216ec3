"""Invented codes and names of Indonesian companies.

Only words and how they are put together belong here. A handful of well-known codes lead the list, because people and
tests ask for them; the names behind them are invented as well.
"""

from __future__ import annotations

from typing import Final

import numpy as np

LASTING: Final = ("BBCA", "BBRI", "BMRI", "BBNI", "TLKM", "ASII", "ADRO", "ANTM", "UNVR", "GOTO")
"""Codes that are always there, large and without interruptions."""
PREFERRED_SHARE: Final = 0.004
"""Share of companies that also list a preferred share under a fifth letter P."""

_FIRST: Final = (
    "Adi", "Agung", "Alam", "Aneka", "Asri", "Bahtera", "Bangun", "Berkat", "Bintang", "Buana", "Bumi", "Cahaya", "Cakra",
    "Cipta", "Citra", "Dharma", "Duta", "Eka", "Elang", "Fajar", "Gading", "Garda", "Gemilang", "Graha", "Harapan",
    "Hasta", "Indah", "Intan", "Jaya", "Karya", "Kencana", "Lautan", "Lestari", "Makmur", "Mandala", "Mega", "Mitra",
    "Multi", "Nusa", "Pelita", "Perdana", "Prima", "Puri", "Raya", "Samudra", "Sarana", "Sentosa", "Sinar", "Sumber",
    "Surya", "Tirta", "Tunas", "Utama", "Wahana", "Wijaya", "Wira",
)  # fmt: skip
_SECOND: Final = (
    "Abadi", "Andalan", "Arta", "Bersama", "Cemerlang", "Daya", "Gemilang", "Global", "Hijau", "Indonesia", "Jati",
    "Kartika", "Kirana", "Langgeng", "Mandiri", "Mulia", "Nirwana", "Nusantara", "Pratama", "Persada", "Sakti",
    "Sejahtera", "Semesta", "Sukses", "Tama", "Timur", "Unggul", "Wisesa",
)  # fmt: skip
_TRADE: Final = (
    "Agro", "Baja", "Bank", "Batubara", "Beton", "Digital", "Energi", "Farma", "Finance", "Gas", "Hotel", "Investama",
    "Kimia", "Land", "Logistik", "Media", "Medika", "Mineral", "Motor", "Pangan", "Perkasa", "Plastik", "Properti",
    "Ritel", "Semen", "Tekno", "Tekstil", "Telekom", "Transport",
)  # fmt: skip


def _code(words: list[str], attempt: int) -> str:
    """Return four letters out of three words; a later attempt takes other letters of the same words."""
    first, second, third = (word.upper() for word in words)
    letters = (first[0] + second[0] + third[0]) + (first + second + third)[1 + attempt % 9]
    if attempt < 9:  # noqa: PLR2004 - that number of letters was just tried in the last place
        return letters
    rest = attempt - 9
    return letters[:2] + chr(65 + rest % 26) + chr(65 + rest // 26 % 26)


def companies(count: int, *, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return `count` distinct codes and the names behind them; `LASTING` first."""
    picks = rng.choice(len(_FIRST) * len(_SECOND) * len(_TRADE), size=count, replace=False).tolist()
    codes, names, taken = [], [], set(LASTING)
    for k, pick in enumerate(picks):
        rest, third = divmod(pick, len(_TRADE))
        first, second = divmod(rest, len(_SECOND))
        words = [_FIRST[first], _SECOND[second], _TRADE[third]]
        code = LASTING[k] if k < len(LASTING) else ""
        attempt = 0
        while not code:
            tried = _code(words, attempt)
            code, attempt = ("" if tried in taken else tried), attempt + 1
        taken.add(code)
        codes.append(code)
        names.append(" ".join(words) + " Tbk.")
    return codes, names


def preferred(code: str, name: str) -> tuple[str, str]:
    """Return code and name of a company's preferred share."""
    return f"{code}P", f"{name.removesuffix(' Tbk.')} Tbk. (Saham Preferen)"
