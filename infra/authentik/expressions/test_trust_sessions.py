"""What a session opens, and what is not a session, whatever it looks like."""

import json

import pytest
from expression_world import (
    CLAIMS,
    NOW,
    OWN,
    REGISTRY_CLIENT,
    document,
    held,
    session,
    token,
    user_post,
)

ACME = ["repository:acme/app:pull,push"]


def test_session_is_made_and_used(world):
    assert world.policy(token(), application="ci-session") is True
    ci = world.session_claim(token())["ci"]
    assert ci["source"] == "github"
    assert ci["claims"] == {name: CLAIMS[name] for name in document()["session"]["claims"]}
    assertion = held(world, session(ci=ci))
    assert world.policy(assertion) is True
    assert world.access(assertion) == ACME


def test_no_ci_token_passes_itself_off_as_a_session(world):
    """Whatever it carries: only the text that authentik holds is a session."""
    ci = {"source": "gitlab", "claims": {"project_path": "acme/app"}}
    for changes in ({"ci": ci}, {"ci": ci, "iss": OWN, "aud": ["ci-session", REGISTRY_CLIENT], "access": []}):
        assertion = token(**{"repository_owner_id": "666", **changes})
        assert world.policy(assertion) is False
        assert world.access(assertion) == []


def test_a_session_opens_the_door_of_the_registry_and_nothing_behind_it(world):
    """authentik lays this over the token's own claims: both audiences, and no access."""
    written = world.session_claim(token())
    assert set(written) == {"ci", "aud", "access"}
    assert written["aud"] == ["ci-session", REGISTRY_CLIENT]
    assert written["access"] == []


def test_nothing_that_a_ci_token_carries_reaches_the_claims_that_the_registry_reads(world):
    everything = [{"type": "repository", "name": "any/thing", "actions": ["push"]}]
    hostile = {
        "access": json.dumps(everything),
        "scope": "docker-registry repository:any/thing:push",
        "ci": {"access": everything, "aud": "docker-registry"},
        "sub": "x",
    }
    document = world.groups["docker-registry-trust"]
    # Rules may look at claims of these names, and then a session carries them: as texts, one level down.
    document["session"]["claims"] = sorted([*document["session"]["claims"], "access", "aud", "ci", "scope"])
    document["sources"][0]["rules"][0]["claims"] += [["access", ["**"]], ["aud", ["**"]]]
    written = world.session_claim(token(**hostile))
    assert written["aud"] == ["ci-session", REGISTRY_CLIENT]
    assert written["access"] == []
    assert written["ci"]["claims"]["access"] == json.dumps(everything)
    assert "ci" not in written["ci"]["claims"]
    assertion = held(world, session(**written))
    assert world.access(assertion, "repository:acme/app:push repository:any/thing:push registry:catalog:*") == [
        "repository:acme/app:push"
    ]
    # Nor does the list of objects that a CI token may carry: it has no text, so it matches nothing.
    assert world.session_claim(token(access=everything)) == {}


@pytest.mark.parametrize("harm", ["no provider of that name", "two of them", "no rules"])
def test_a_mapping_that_fails_writes_nothing_that_the_registry_would_take(world, harm):
    """Then the audience is that of sessions alone, as authentik itself writes it."""
    if harm == "no rules":
        world.groups.clear()
    else:
        world.providers = world.providers * (0 if harm == "no provider of that name" else 2)
    assert world.session_claim(token()) == {}


def test_a_session_given_before_it_was_for_the_registry_too_still_pushes(world):
    assertion = held(world, session(iss=f"{OWN}application/o/ci-session/", aud="ci-session", access=None))
    assert world.policy(assertion) is True
    assert world.access(assertion) == ACME


def test_a_revoked_session_is_none(world):
    assertion = held(world, session())
    assert world.access(assertion) == ACME
    del world.access_tokens[assertion]
    assert world.policy(assertion) is False
    assert world.access(assertion) == []


@pytest.mark.parametrize("provider", ["docker-registry", "ci-session-2", ""])
def test_a_token_of_another_provider_is_no_session(world, provider):
    assertion = held(world, session(), provider)
    assert world.policy(assertion) is False
    assert world.access(assertion) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": REGISTRY_CLIENT},
        {"aud": [REGISTRY_CLIENT]},
        {"exp": NOW - 60},
        {"ci": None},
        {"ci": "github"},
        {"ci": {"source": "other", "claims": CLAIMS}},
        {"ci": {"source": "github"}},
        {"ci": {"source": "github", "claims": {}}},
        {"ci": {"source": "gitlab", "claims": CLAIMS}},
    ],
)
def test_a_session_that_is_not_whole(world, changes):
    assertion = held(world, session(**changes))
    assert world.policy(assertion) is False
    assert world.access(assertion) == []


def test_no_session_from_a_session_nor_from_a_registry_token_nor_for_people(world):
    registry_token = held(world, token(kid="own-1", iss=OWN, aud=REGISTRY_CLIENT), "docker-registry")
    for assertion in (held(world, session()), registry_token):
        assert world.policy(assertion, application="ci-session") is False
        assert world.session_claim(assertion) == {}
    assert world.policy(application="ci-session", groups=["acl_docker_push"]) is False
    assert world.run("ci_session.py", user_post(), application="ci-session", groups=["acl_docker_push"]) == {}


def test_a_rule_that_is_taken_away_ends_its_sessions(world):
    assertion = held(world, session())
    world.groups["docker-registry-trust"]["sources"][0]["rules"] = []
    assert world.policy(assertion) is False
    assert world.access(assertion) == []
