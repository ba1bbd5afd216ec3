"""The exchange members that trade in the embedded market: code, name, type and how large they are.

Codes and names are facts of the real exchange; sizes only make the tables look alive. Who trades what on which day is
decided in `flows.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BrokerType = Literal["foreign", "local", "bumn"]

# Code, type as IndoPremier paints it, weight with domestic and with foreign investors, name.
_TABLE: Final = """
AD local 2 0 OSO Sekuritas Indonesia
AF local 2 0 Harita Kencana Sekuritas
AG foreign 14 6 Kiwoom Sekuritas Indonesia
AH foreign 8 5 Shinhan Sekuritas Indonesia
AI foreign 9 12 UOB Kay Hian Sekuritas
AK foreign 12 170 UBS Sekuritas Indonesia
AN local 2 0 Wanteg Sekuritas
AO local 3 0 Erdikha Elit Sekuritas
AP local 4 0 Pacific Sekuritas Indonesia
AR local 4 0 Binaartha Sekuritas
AT local 8 0 Phintraco Sekuritas
AZ local 16 1 Sucor Sekuritas
BB local 8 14 Verdhana Sekuritas Indonesia
BF local 1 0 Inti Fikasa Sekuritas
BK foreign 10 150 J.P. Morgan Sekuritas Indonesia
BQ foreign 14 5 Korea Investment and Sekuritas Indonesia
BR local 3 0 Trust Sekuritas
BS local 2 0 Equity Sekuritas Indonesia
CC bumn 90 22 Mandiri Sekuritas
CD local 5 0 Mega Capital Sekuritas
CP foreign 30 6 KB Valbury Sekuritas
CS foreign 6 85 Credit Suisse Sekuritas Indonesia
DB foreign 2 28 Deutsche Sekuritas Indonesia
DD local 1 0 Makindo Sekuritas
DH local 14 1 Sinarmas Sekuritas
DM local 1 0 Masindo Artha Sekuritas
DP foreign 6 10 DBS Vickers Sekuritas Indonesia
DR local 12 9 RHB Sekuritas Indonesia
DU local 2 0 KAF Sekuritas Indonesia
DX bumn 14 4 Bahana Sekuritas
EL local 3 0 Evergreen Sekuritas Indonesia
EP local 26 1 MNC Sekuritas
ES local 1 0 Ekokapital Sekuritas
FO local 1 0 Forte Global Sekuritas
FS foreign 6 3 Yuanta Sekuritas Indonesia
FZ local 2 0 Waterfront Sekuritas Indonesia
GA local 2 0 BNC Sekuritas Indonesia
GI local 3 0 Mahakarya Artha Sekuritas
GR local 20 2 Panin Sekuritas Tbk.
GW foreign 2 20 HSBC Sekuritas Indonesia
HD foreign 5 3 KGI Sekuritas Indonesia
HP local 13 1 Henan Putihrai Sekuritas
ID local 2 0 Anugerah Sekuritas Indonesia
IF local 10 2 Samuel Sekuritas Indonesia
IH local 2 0 Pacific 2000 Sekuritas
II local 5 0 Danatama Makmur Sekuritas
IN local 1 0 Investindo Nusantara Sekuritas
IP local 2 0 Yugen Bertumbuh Sekuritas
IT local 1 0 Inti Teladan Sekuritas
IU local 2 0 Indo Capital Sekuritas
KI local 16 2 Ciptadana Sekuritas Asia
KK foreign 30 4 Phillip Sekuritas Indonesia
KZ foreign 5 70 CLSA Sekuritas Indonesia
LG local 24 6 Trimegah Sekuritas Indonesia Tbk.
LS local 7 0 Reliance Sekuritas Indonesia Tbk.
MG local 34 2 Semesta Indovest Sekuritas
MI local 3 0 Victoria Sekuritas Indonesia
MK local 1 0 Ekuator Swarna Sekuritas
ML foreign 4 75 Merrill Lynch Sekuritas Indonesia
MS foreign 3 60 Morgan Stanley Sekuritas Indonesia
MU local 4 0 Minna Padi Investama Sekuritas Tbk.
NI bumn 48 3 BNI Sekuritas
OD bumn 34 6 BRI Danareksa Sekuritas
OK local 2 0 Net Sekuritas
PC local 5 0 FAC Sekuritas Indonesia
PD local 88 4 Indo Premier Sekuritas
PF local 1 0 Danasakti Sekuritas Indonesia
PG local 3 0 Panca Global Sekuritas
PI local 1 0 Magenta Kapital Sekuritas Indonesia
PO local 3 0 Pilarmas Investindo Sekuritas
PP local 4 0 Aldiracita Sekuritas Indonesia
PS local 1 0 Paramitra Alfa Sekuritas
RB local 2 0 Nikko Sekuritas Indonesia
RF local 7 1 Buana Capital Sekuritas
RG local 4 0 Profindo Sekuritas Indonesia
RO local 2 0 Nilai Inti Sekuritas
RS local 2 0 Yulie Sekuritas Indonesia Tbk.
RX foreign 5 72 Macquarie Sekuritas Indonesia
SA local 2 0 Elit Sukses Sekuritas
SC local 1 0 IMG Sekuritas
SF local 3 0 Surya Fajar Sekuritas
SH local 3 0 Artha Sekuritas Indonesia
SQ local 20 1 BCA Sekuritas
SS local 2 0 Supra Sekuritas Indonesia
TF local 4 0 Universal Broker Indonesia Sekuritas
TP foreign 6 4 OCBC Sekuritas Indonesia
TS local 1 0 Dwidana Sakti Sekuritas
XA foreign 20 3 NH Korindo Sekuritas Indonesia
XC local 62 0 Ajaib Sekuritas Asia
XL local 80 0 Stockbit Sekuritas Digital
YB local 6 0 Jasa Utama Capital Sekuritas
YJ local 5 0 Lotus Andalan Sekuritas
YO local 2 0 Amantara Sekuritas Indonesia
YP foreign 140 9 Mirae Asset Sekuritas Indonesia
YU foreign 26 48 CGS-CIMB Sekuritas Indonesia
ZP foreign 22 80 Maybank Sekuritas Indonesia
ZR local 1 0 Bumiputera Sekuritas
"""
_CHURNERS: Final = ("MG", "XA", "CP", "KK", "EP")
"""They buy and sell nearly the same on a day."""
_LICENSES: Final = (
    "Perantara Pedagang Efek",
    "Penjamin Emisi Efek, Perantara Pedagang Efek",
    "Manajer Investasi, Penjamin Emisi Efek, Perantara Pedagang Efek",
)


@dataclass(frozen=True, slots=True)
class Brokers:
    """Every member, sorted by code; arrays by member."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[BrokerType, ...]
    licenses: tuple[str, ...]
    domestic: NDArray[np.float64]
    foreign: NDArray[np.float64]
    churns: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self.codes)


def _type(text: str) -> BrokerType:
    return "foreign" if text == "foreign" else "bumn" if text == "bumn" else "local"


@lru_cache(maxsize=1)
def brokers() -> Brokers:
    """Return the members."""
    rows = [line.split(" ", 4) for line in _TABLE.strip().splitlines()]
    domestic = np.array([float(row[2]) for row in rows])
    # The larger a broker, the more licenses it has.
    licenses = tuple(_LICENSES[(size >= 3) + (size >= 60)] for size in domestic.tolist())  # noqa: PLR2004
    return Brokers(
        codes=tuple(row[0] for row in rows),
        names=tuple(row[4] for row in rows),
        types=tuple(_type(row[1]) for row in rows),
        licenses=licenses,
        domestic=domestic,
        foreign=np.array([float(row[3]) for row in rows]),
        churns=np.array([row[0] in _CHURNERS for row in rows]),
    )
