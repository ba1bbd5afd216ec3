"""Plain words: phrases that texts and code of this project avoid, each with its replacement, and short test names.

`docs/style.md` has the rules behind the list. A space in a phrase stands for any run of spaces, a line break or an
underscore, so that wrapped lines and names are found as well.
"""

from __future__ import annotations

import re

import pytest

from tests.arch.tree import ROOT, files, relative

LONGEST_TEST_NAME = 90
"""Unit: characters, `test_` included."""

BANNED = {
    r"(?<!trade[ _])ledgers?": '"manifest"; a ledger is the source of trades alone',
    r"journals?": '"unit log"',
    r"streets?": '"source" or "market"; in tests "pipeline"',
    r"houses?": '"broker"',
    r"so many": 'the number or its name: "after 24 attempts", "this number of bars", "Unit: rows."',
    r"such (?:a )?one": "the name of the thing",
    r"whoever": 'the name of the actor: "the caller", "the holder"',
    r"bec(?:ame|omes?|oming) of": '"the outcome of"',
    r"without a word": '"silently" or "without reporting"',
    r"in vain": '"failed", and what is kept',
    r"dut(?:y|ies)": '"is no longer needed"',
    r"disturb(?:s|ed|ing)?": '"block", "change" or "fail"',
    r"(?:takes?|taking|took|in|into) the place of": '"replace"',
    r"(?:is|are|was|were|be|been) told": '"gets", "is called with" or the verb of the one who tells',
    r"(?:hear(?:s|d)?|hearing) of": '"gets", "is called for" or "notices"',
    r"(?:says?|said|saying) so": '"reports it", or what is said: "names the cause"',
    r"(?:can|cannot|could|to) be had|(?:is|are|was|were|units) had": '"available", "fetched" or "obtained"',
    r"anew|afresh": '"again"',
    r"ways? out": '"what to do" or "remedy"',
    r"put off": '"deferred"',
    r"nothing of": '"no data for", "nothing about" or "not"',
    r"comes? to it": "the event itself: when the unit is fetched, when the build runs",
    r"(?:goes|go|went) on": '"continue"',
    r"hammer(?:s|ed|ing)?": '"send too many requests"',
    r"poison(?:s|ed|ing)?": '"faulty"',
    r"reckon(?:s|ed|ing)?": '"compute" or "count"',
    r"for ever": '"without end" or the limit that is missing',
}
"""Phrases as regular expressions in lower case -> the plain words for them."""

EXCEPTIONS = {
    ("fin_assets/core/storage/upgrade.py", "journal"): "name of a file of version 0.1, which is moved",
    ("tests/core/test_upgrade.py", "journal"): "name of a file of version 0.1, which is moved",
    ("fin_assets/sandbox/sites/hkex_southbound/participants.py", "street"): "an address, as the exchange prints it",
    ("fin_assets/sandbox/sites/hkex_southbound/names.py", "streets"): "addresses, as the exchange prints them",
    ("tests/sources/hkex_southbound/builders.py", "street"): "an address, as the exchange prints it",
    ("tests/sources/hkex_southbound/test_parse.py", "street"): "an address, as the exchange prints it",
    ("fin_assets/sandbox/pages/plain.py", "go on"): "a sentence of consent pages, which the classifier must see",
    ("tests/sources/hkex_southbound/test_parse.py", "go on"): "a sentence of consent pages",
}
"""(file, phrase as found, in lower case) -> why it stays there."""

QUOTING = {"docs/style.md", "tests/arch/test_words.py"}
"""Files that quote the phrases in order to ban them."""

SUFFIXES = {".css", ".js", ".md", ".py", ".sh", ".sql", ".tmpl", ".toml", ".yaml", ".yml", ""}
GAP = r"(?:\s+(?:(?:#|--|//|\*)[ \t]*)?|_)"


def pattern(phrase: str) -> re.Pattern[str]:
    """Return the expression that finds a phrase as whole words."""
    return re.compile(rf"(?<![a-z])(?:{re.sub(r' (?![^[]*])', lambda _: GAP, phrase)})(?![a-z])", re.IGNORECASE)


def texts() -> dict[str, str]:
    """Return the texts that people write here, by file."""
    return {
        relative(path): path.read_text(encoding="utf-8")
        for path in files()
        if path.suffix in SUFFIXES and relative(path) not in QUOTING
    }


def hits(phrase: str) -> list[tuple[str, int, str]]:
    """Return (file, line, what stands there) of each place that has the phrase and no exception."""
    wanted = pattern(phrase)
    found = []
    for name, text in texts().items():
        for hit in wanted.finditer(text):
            said = " ".join(hit.group().replace("_", " ").lower().split())
            if (name, said) not in EXCEPTIONS:
                found.append((name, text.count("\n", 0, hit.start()) + 1, said))
    return found


@pytest.mark.parametrize(("phrase", "plain"), BANNED.items(), ids=BANNED)
def test_texts_avoid(phrase: str, plain: str) -> None:
    places = [f"{name}:{line}: {said!r}" for name, line, said in hits(phrase)]
    assert not places, f"write {plain} (docs/style.md):\n" + "\n".join(places)


def test_phrases_are_found_in_names_and_over_line_breaks() -> None:
    became = pattern("bec(?:ame|omes?) of")
    assert became.search("# What became\n    # of it")
    assert became.search("def what_became_of(unit)")
    assert not became.search("it became often")
    assert not pattern(r"(?<!trade[ _])ledgers?").search("the trade_ledger")


def test_every_exception_is_still_needed() -> None:
    for name, phrase in EXCEPTIONS:
        assert re.search(phrase, (ROOT / name).read_text(encoding="utf-8"), re.IGNORECASE), f"{name}: {phrase}"


def test_names_of_tests_are_short_enough_for_a_line() -> None:
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(ROOT / "tests"):
            for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")):
                assert len(name) <= LONGEST_TEST_NAME, f"{relative(path)}: {name} has {len(name)} characters"
