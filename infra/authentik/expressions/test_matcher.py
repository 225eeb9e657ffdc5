"""What the matcher costs, and what keeps a claim from being a pattern; what it decides is compared with TypeScript."""

import pytest
from expression_world import shared
from hypothesis import given, settings
from hypothesis import strategies as st

trust = shared()


class CountingText(str):
    """Counts how often matching looks at a text, by the length of what it looks at."""

    steps = 0

    def startswith(self, part, *at):
        self.steps += 1
        return super().startswith(part, *at)

    def find(self, part, at):
        found = super().find(part, at)
        self.steps += (len(self) if found < 0 else found) - at + 1
        return found


@pytest.mark.parametrize(
    "pattern",
    ["**a**a**a**a**a**a**a**b", "*a*a*a*a*a*a*a*b", "**a*a**a*a**a*a**a*b", "**/*a**/*a**/*a**/*b", "**" * 8],
)
@pytest.mark.parametrize("unit", ["a", "a/", "/", "aab"])
@pytest.mark.parametrize("length", [64, 1024])
def test_the_work_grows_with_the_length_of_the_text_alone(pattern, unit, length):
    # The last character lets the text past the first look at the pattern's end.
    text = CountingText((unit * length)[: length - 1] + "b")
    trust.glob(pattern, text)
    pieces = len(trust.STARS.findall(pattern))
    assert text.steps <= pieces * (length + 1)


@settings(deadline=None)  # machines differ
@given(st.text(), st.text())
def test_without_a_star_a_pattern_is_equality(pattern, text):
    if "*" not in pattern:
        assert trust.glob(pattern, text) is (pattern == text)


@settings(deadline=None)  # machines differ
@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(alphabet="aA/.*{}-_ \u212a")))
def test_what_is_inserted_is_a_repository_name(claims):
    paths = trust.repository_paths(trust.claim_texts(claims))
    for pattern in trust.insert_claims("{a}", paths):
        assert trust.PATH.fullmatch(pattern)
        assert pattern == claims["a"].lower()
    if "a" not in paths:
        assert trust.insert_claims("x/{a}", paths) == []
