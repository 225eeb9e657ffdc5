"""What a session carries and how long its user lives: `ci_session.py` under a real Python."""

import json

import jwt
import pytest
from expression_world import CLAIMS, NOW, SECRET, SESSION_ENDS, held, rule, session, token

EXPIRES = "goauthentik.io/user/expires"
GENERATED = "goauthentik.io/user/generated"
MAX_SESSION_CHARACTERS = 2_400  # Windows' credential store holds 2,560 bytes


def kept_claims(world, **changes):
    return world.session_claim(token(**changes))["ci"]["claims"]


def whole_session(ci):
    """A session with the longest of everything else that authentik puts into one."""
    claims = {
        "iss": f"https://{'a' * 60}.example.com/application/o/ci-session/",
        "sub": "ci-session-" + "s" * 139,
        "aud": ["ci-session", "docker-registry"],
        **{name: NOW for name in ("exp", "iat", "auth_time")},
        "acr": "goauthentik.io/providers/oauth2/default",
        "jti": "j" * 40,
        "access": [],
        "azp": "ci-session",
        "uid": "u" * 40,
        "scope": "ci-session",
        "ci": ci,
    }
    unsigned = jwt.encode(claims, SECRET, "HS256", headers={"kid": "k" * 86}).rpartition(".")[0]
    return f"{unsigned}.{'s' * 86}"  # ES256, which is what the stack signs with


# --- what it carries --------------------------------------------------------------------------------------------------


def test_a_session_carries_no_more_than_it_must(world):
    assert set(kept_claims(world, repository="x" * 2000, secret="s", run_id=["1"])) == {
        *("iss", "ref", "repository_owner", "repository_owner_id", "sub")
    }


@pytest.mark.parametrize("filling", ["x", "\u00e9", "\u4e2d", "\U0001f600", '"', "\\", "\u0001", "/"])
def test_a_session_stays_below_what_windows_can_keep(world, filling):
    names = [f"claim_{number}" for number in range(64)]
    world.groups["docker-registry-trust"]["sources"][0]["rules"] = [rule(claims=[["ref", ["refs/heads/*"]]])]
    world.groups["docker-registry-trust"]["session"]["claims"] = ["ref", *names]
    for length in (1, 10, 50, 250, 1000):
        ci = world.session_claim(token(**dict.fromkeys(names, filling * length)))["ci"]
        assert len(whole_session(ci)) < MAX_SESSION_CHARACTERS
    assert len(whole_session(world.session_claim(token())["ci"])) < MAX_SESSION_CHARACTERS


def test_the_claims_of_the_rules_that_match_come_first(world):
    trust = world.groups["docker-registry-trust"]
    trust["session"]["claims"] = [f"audit_{number}" for number in range(20)] + ["ref", "repository", "team"]
    trust["sources"][0]["rules"] = [rule(claims=[["ref", ["refs/heads/*"]], ["team", ["**"]]], push=["{repository}"])]
    claims = {**{f"audit_{number}": "a" * 100 for number in range(20)}, "team": "t" * 300}
    kept = kept_claims(world, **claims)
    assert {"ref", "repository", "team"} < set(kept)
    assertion = held(world, session(ci=world.session_claim(token(**claims))["ci"]))
    assert world.access(assertion) == world.access(token(**claims)) == ["repository:acme/app:pull,push"]


def test_a_claim_of_a_rule_that_does_not_fit_is_told_to_the_operator(world):
    trust = world.groups["docker-registry-trust"]
    trust["session"]["claims"] = ["ref", "workflow"]
    trust["sources"][0]["rules"] = [rule(claims=[["workflow", ["**"]]], push=["**"])]
    assert set(kept_claims(world, workflow="w" * 1024)) == {"ref"}
    assert world.messages == ["a claim that a rule needs is too long for the session"]
    assert world.logged == [{"claim": "workflow"}]
    assert "www" not in json.dumps([world.messages, world.logged])


# --- its user ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        {GENERATED: True, EXPIRES: NOW + 240, "team": "a"},  # as authentik makes it
        {GENERATED: True},  # as 2026.5 leaves it at the second exchange
        {},  # and at worst
    ],
)
def test_the_user_that_authentik_made_lives_as_long_as_the_session_and_no_longer(world, attributes):
    world.user["attributes"] = dict(attributes)
    assert "ci" in world.session_claim(token())
    assert world.saved == [{**attributes, GENERATED: True, EXPIRES: SESSION_ENDS}]


@pytest.mark.parametrize("attributes", [{EXPIRES: SESSION_ENDS}, {EXPIRES: SESSION_ENDS + 60}])
def test_a_user_that_lives_longer_is_left_alone(world, attributes):
    world.user["attributes"] = dict(attributes)
    assert "ci" in world.session_claim(token())
    assert (world.saved, world.user["attributes"]) == ([], attributes)


@pytest.mark.parametrize(
    "made",
    [
        # By the API, a page or a blueprint before the first exchange: authentik overwrites the rest.
        {"password": "!mark-of-an-unusable-one"},
        {"password": "pbkdf2_sha256$1000000$salt$hash"},
        # A person that a claim named; synchronised from a directory, so without a password here.
        {"username": "alice"},
        {"username": "alice", "path": "users", "type": "internal"},
        {"path": "users", "type": "internal"},
        {"path": "users"},
        {"path": "goauthentik.io/service-accounts"},
        {"type": "internal"},
        {"type": "external"},
    ],
)
@pytest.mark.parametrize("attributes", [{}, {GENERATED: True}])
def test_a_person_and_what_an_administrator_made_never_get_an_expiry(world, made, attributes):
    world.user |= {**made, "attributes": dict(attributes)}
    assert "ci" in world.session_claim(token(preferred_username="alice"))
    assert (world.saved, world.user["attributes"]) == ([], attributes)


def test_whoever_gets_no_session_changes_no_user(world):
    world.user["attributes"] = {EXPIRES: NOW + 240}
    assert world.session_claim(token(repository_owner_id="666")) == {}
    assert world.session_claim(token(), active=False) == {}
    assert (world.saved, world.user["attributes"]) == ([], {EXPIRES: NOW + 240})


def test_a_user_that_cannot_be_saved_costs_no_session(world):
    world.user["attributes"], world.saving_fails = {EXPIRES: NOW + 240}, True
    assert "ci" in world.session_claim(token())
    assert world.messages == ["a session may end with its CI token"]


def test_the_claims_are_the_same_that_the_rules_saw(world):
    kept = kept_claims(world)
    assert kept == {name: CLAIMS[name] for name in kept}
