"""Invented names: companies in English and Chinese, intermediaries, investors, addresses.

Only words and how they are put together belong here; which code carries which name is decided in `generate.py` and
`participants.py`. No name of a real company is listed, except the two clearing accounts whose sum is the southbound
holding: pages and readers are built around them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

CLEARING_IDS: Final = ("A00003", "A00004")
CLEARING_NAME_EN: Final = "CHINA SECURITIES DEPOSITORY AND CLEARING"
CLEARING_NAME_ZH: Final = "中國證券登記結算有限責任公司"


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Read `ENGLISH 中文, ...`: the last word is the Chinese one."""
    return tuple((words[0], words[1]) for words in (entry.strip().rsplit(" ", 1) for entry in text.split(",")))


_FIRST: Final = _pairs(
    """
    HARBOUR 港, GOLDEN 金, EASTERN 東, NORTHERN 北, SOUTHERN 南, BRIGHT 明, JADE 玉, SILVER 銀, GRAND 宏,
    EVER 恒, NEW 新, UNITED 聯, PEARL 珠, DRAGON 龍, PHOENIX 鳳, PINE 松, CLOUD 雲, STAR 星, OCEAN 海,
    RIVER 江, LAKE 湖, PEACE 安, TRUST 信, HONOUR 榮, FORTUNE 富, VIRTUE 德, SPRING 春, AUTUMN 秋, DAWN 晨,
    CRYSTAL 晶, BLUE 藍, CRIMSON 紅, GREEN 綠, ROYAL 御
    """
)
_SECOND: Final = _pairs(
    """
    CREST 峰, BRIDGE 橋, GATE 門, VALLEY 谷, FIELD 田, SAIL 帆, LIGHT 輝, WAVE 濤, STONE 石, FOREST 林,
    GARDEN 園, TOWER 塔, SPIRE 嶺, LOTUS 蓮, ORCHID 蘭, BAMBOO 竹, EAGLE 鷹, HORSE 駿, TIGER 虎, CRANE 鶴,
    FALCON 隼, WORLD 世, CENTURY 紀, UNION 盟, SOURCE 源, HARVEST 豐, JOY 欣, WISDOM 智
    """
)
_TRADE: Final = _pairs(
    """
    TECHNOLOGY 科技, PHARMACEUTICAL 醫藥, PROPERTIES 地產, ENERGY 能源, GAS 燃氣, POWER 電力, SECURITIES 證券,
    INSURANCE 保險, BANK 銀行, LOGISTICS 物流, RESOURCES 資源, CEMENT 水泥, FOODS 食品, DAIRY 乳業,
    MOTOR 汽車, AVIATION 航空, SHIPPING 航運, PORTS 港口, EXPRESSWAY 高速, EDUCATION 教育, SOFTWARE 軟件,
    ELECTRONICS 電子, OPTICAL 光學, TEXTILE 紡織, MEDICAL 醫療, WATER 水務, STEEL 鋼鐵, PAPER 紙業,
    MEDIA 傳媒, GAMES 遊戲, RETAIL 零售, HOTELS 酒店
    """
)
_FORM_HK: Final = (
    "HOLDINGS LIMITED", "GROUP LIMITED", "INTERNATIONAL HOLDINGS LIMITED", "(CHINA) CO., LTD. - H SHARES", "LIMITED",
    "GROUP CO., LTD.", "& SONS COMPANY LIMITED", "INDUSTRIAL GROUP LTD.", "ENTERPRISES LIMITED",
)  # fmt: skip
_STREETS: Final = (
    "QUEEN'S ROAD CENTRAL", "DES VOEUX ROAD CENTRAL", "CONNAUGHT ROAD CENTRAL", "GLOUCESTER ROAD WANCHAI",
    "HARBOUR ROAD WANCHAI", "LOCKHART ROAD WANCHAI", "HENNESSY ROAD WAN CHAI", "NATHAN ROAD TSIMSHATSUI",
    "CANTON ROAD TSIM SHA TSUI", "KWUN TONG ROAD KOWLOON", "BONHAM STRAND SHEUNG WAN", "KING'S ROAD QUARRY BAY",
)  # fmt: skip
_SURNAMES: Final = _pairs(
    """
    CHAN 陳, WONG 黃, LEE 李, CHEUNG 張, LAM 林, NG 吳, HO 何, LAU 劉, YEUNG 楊, TSANG 曾, MOK 莫, FUNG 馮
    """
)
_GIVEN: Final = _pairs(
    """
    KA MING 家明, SIU LING 小玲, WAI KEUNG 偉強, MEI FONG 美芳, CHI KIN 志堅, YUK LAN 玉蘭, KWOK WAH 國華,
    SUK YEE 淑儀, TAK SHING 德成, PUI SHAN 佩珊
    """
)

ENGLISH_ON_CHINESE_PAGE: Final = 0.06
"""Share of companies that print their English name on the Chinese page as well; 5 % in the 2019 list."""


def companies(count: int, *, rng: np.random.Generator, northbound: bool) -> tuple[list[str], list[str]]:
    """Return `count` distinct company names: as the English page prints them, and as the Chinese page does.

    Northbound names come without the "(A #600519)" suffix, which depends on the code.
    """
    total = len(_FIRST) * len(_SECOND) * len(_TRADE)
    english, chinese = [], []
    for pick in rng.choice(total, size=count, replace=False).tolist():
        rest, trade = divmod(pick, len(_TRADE))
        first, second = divmod(rest, len(_SECOND))
        form = "CO.,LTD." if northbound else _FORM_HK[int(rng.integers(len(_FORM_HK)))]
        name = f"{_FIRST[first][0]} {_SECOND[second][0]} {_TRADE[trade][0]} {form}"
        plain = bool(rng.random() < ENGLISH_ON_CHINESE_PAGE) and not northbound
        english.append(name)
        chinese.append(name if plain else f"{_FIRST[first][1]}{_SECOND[second][1]}{_TRADE[trade][1]}")
    return english, chinese


def intermediaries(count: int, *, rng: np.random.Generator, custodians: bool) -> tuple[list[str], list[str], list[str]]:
    """Return names in English and Chinese and addresses of `count` custodians or brokers."""
    english, chinese, addresses = [], [], []
    for pick in rng.choice(len(_FIRST) * len(_SECOND), size=count, replace=False).tolist():
        first, second = divmod(pick, len(_SECOND))
        if custodians:
            english.append(f"{_FIRST[first][0]} {_SECOND[second][0]} BANK (HONG KONG) LTD")
            chinese.append(f"{_FIRST[first][1]}{_SECOND[second][1]}銀行(香港)有限公司")
        else:
            english.append(f"{_FIRST[first][0]} {_SECOND[second][0]} SECURITIES CO LTD")
            chinese.append(f"{_FIRST[first][1]}{_SECOND[second][1]}證券有限公司")
        floor, number = int(rng.integers(2, 60)), int(rng.integers(1, 400))
        addresses.append(f"{floor}/F {_FIRST[second][0]} CENTRE {number} {_STREETS[pick % len(_STREETS)]} HONG KONG")
    return english, chinese, addresses


def investor(pick: int) -> tuple[str, str]:
    """Return the name of a consenting investor in English and Chinese; the same `pick` gives the same name."""
    surname, given = _SURNAMES[pick % len(_SURNAMES)], _GIVEN[pick // len(_SURNAMES) % len(_GIVEN)]
    return f"{surname[0]} {given[0]}", f"{surname[1]}{given[1]}"
