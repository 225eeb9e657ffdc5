"""Who is let in: policy and mappings under a real Python, run as authentik runs them, against the attacks on tokens."""

import json

import jwt
import pytest
from expression_world import (
    AUDIENCE,
    CLAIMS,
    EC,
    GITLAB,
    JWT_BEARER,
    NOW,
    OWN,
    REGISTRY_CLIENT,
    RSA,
    ci_post,
    document,
    held,
    session,
    token,
    user_post,
)

ACME = ["repository:acme/app:pull,push"]
GITLAB_CLAIMS = {"kid": "gitlab-1", "iss": GITLAB, "project_path": "acme/app"}


# --- what must work ---------------------------------------------------------------------------------------------------


def test_first_build_of_a_trusted_repository_pushes(world):
    assert world.policy(token()) is True
    assert world.access(token()) == ACME


def test_second_source_has_its_own_rules(world):
    assert world.policy(token(**GITLAB_CLAIMS)) is True
    assert world.access(token(**GITLAB_CLAIMS)) == ACME


def test_session_is_made_and_used(world):
    assert world.policy(token(), application="ci-session") is True
    ci = world.session_claim(token())["ci"]
    assert ci["source"] == "github"
    assert ci["claims"] == {name: CLAIMS[name] for name in document()["session"]["claims"]}
    assertion = held(world, session(ci=ci))
    assert world.policy(assertion) is True
    assert world.access(assertion) == ACME


def test_mount_of_another_repository(world):
    scope = "repository:acme/app:pull,push repository:acme/base:pull"
    assert world.access(token(), scope) == [*ACME, "repository:acme/base:pull"]


@pytest.mark.parametrize(
    ("group", "expected"),
    [("acl_docker_push", ["repository:any/thing:pull,push"]), ("acl_docker_pull", ["repository:any/thing:pull"])],
)
def test_people_and_service_accounts_by_group(world, group, expected):
    assert world.policy(groups=[group]) is True
    assert world.access(scope="repository:any/thing:pull,push,delete", groups=[group]) == expected


def test_assertion_as_client_secret_and_with_the_password_grant(world):
    """authentik takes both; what it verified is what decides."""
    post = {"grant_type": "password", "client_assertion_type": JWT_BEARER, "client_secret": token(), "scope": ACME[0]}
    claims = jwt.decode(token(), options={"verify_signature": False})
    assert world.run("trust_policy.py", post, verified=claims) is True
    assert world.access(post=post) == ACME


@pytest.mark.parametrize(
    "changes",
    [{"aud": ["other", AUDIENCE]}, {"iat": NOW + 25, "nbf": NOW + 25}, {"exp": NOW - 25}, {"iat": None, "nbf": None}],
)
def test_audience_in_a_list_and_clocks_that_differ(world, changes):
    assert world.policy(token(**changes)) is True
    assert world.access(token(**changes)) == ACME


# --- tokens that must not pass ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"repository_owner_id": "666"}, "no rule of source"),
        ({"repository_owner_id": "*"}, "no rule of source"),
        ({"repository_owner_id": None}, "no rule of source"),
        ({"ref": "refs/pull/1/merge"}, "no rule of source"),
        ({"aud": "https://github.com/acme"}, "audience"),
        ({"aud": ["https://github.com/acme"]}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": f"{AUDIENCE}.evil.example"}, "audience"),
        ({"kid": "gitlab-1"}, "issuer"),
        ({"kid": "github-1", "iss": GITLAB, "project_path": "acme/app"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"kid": "own-1"}, "key"),
        ({"kid": None}, "key"),
        ({"kid": ""}, "key"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": True}, "expired"),
        ({"iat": NOW + 60}, "future"),
        ({"nbf": NOW + 60}, "future"),
        ({"nbf": "now"}, "future"),
    ],
)
def test_refused_with_the_reason(world, changes, reason):
    assertion = token(**changes)
    assert world.policy(assertion) is False
    assert reason in world.messages[0]
    assert world.access(assertion) == []
    assert world.session_claim(assertion) == {}


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"alg": "RS256", "use": "sig", "x5c": ["MII"], "n": "sXchzx=="},
    ],
)
def test_a_key_that_two_sources_publish_is_one_and_the_issuer_says_whose_token_it_is(world, beside):
    """Issuers of an enterprise share GitHub's keys."""
    world.keys["docker-registry-gitlab"].append({"kid": "github-1", **RSA, **beside})
    assert world.policy(token()) is True
    assert world.access(token()) == ACME
    as_gitlab = token(**{**GITLAB_CLAIMS, "kid": "github-1"})
    assert world.policy(as_gitlab) is True
    assert world.access(as_gitlab) == ACME
    assert world.policy(token(iss="https://elsewhere.example.com")) is False
    assert "issuer" in world.messages[0]


@pytest.mark.parametrize(
    "keys",
    [
        [{"kid": "github-1", **RSA, "n": "another"}],
        [{"kid": "github-1", **RSA, "e": "Aw"}],
        [{"kid": "github-1", **EC}],
        [{"kid": "github-1", **RSA}, {"kid": "github-1", **EC}],
        # authentik also tries a key without a key id, of every source that it finds by another key.
        [{"kid": "github-1", **RSA}, EC],
        [{"kid": "github-1", **RSA}, {"kid": "", **EC}],
        [{"kid": "github-1", **RSA}, {"kid": None, **EC}],
        [{"kid": "github-1", "kty": "oct", "k": "c2VjcmV0"}],
        [{"kid": "github-1", "kty": "RSA"}],
        [{"kid": "github-1"}],
        [{"kid": "github-1", "kty": ["RSA"]}],
    ],
)
def test_different_keys_under_one_kid_in_two_sources_decide_nothing(world, keys):
    world.keys["docker-registry-gitlab"].extend(keys)
    for assertion in (token(), token(**{**GITLAB_CLAIMS, "kid": "github-1"})):
        assert world.policy(assertion) is False
        assert world.access(assertion) == []
        assert world.session_claim(assertion) == {}
    assert "several trusted sources have" in world.messages[0]
    assert world.policy(token(kid="github-2")) is True


def test_several_keys_under_one_kid_in_one_source_are_that_source(world):
    world.keys["docker-registry-github"].extend([{"kid": "github-1", **EC}, EC])
    assert world.access(token()) == ACME


def test_a_kid_of_our_own_key_in_a_source_gives_our_tokens_no_way_in(world):
    world.keys["docker-registry-gitlab"].append({"kid": "own-1", **EC})
    registry_token = held(world, token(kid="own-1", iss=OWN, aud=REGISTRY_CLIENT), "docker-registry")
    for assertion in (registry_token, session()):
        assert world.policy(assertion) is False
        assert world.access(assertion) == []


@pytest.mark.parametrize("assertion", ["", "garbage", "a.b.c", "\u0000", "x" * 100_000])
def test_garbage(world, assertion):
    assert world.run("trust_policy.py", ci_post(assertion), verified={}) is False
    assert world.access(assertion) == []
    assert world.session_claim(assertion) == {}


def test_the_policy_believes_only_what_authentik_verified(world):
    for verified in (None, {**CLAIMS, "repository_owner_id": "502"}):
        assert world.run("trust_policy.py", ci_post(token()), verified=verified) is False
    assert world.run("trust_policy.py", user_post(), verified=CLAIMS, groups=["acl_docker_push"]) is False


# --- grants -----------------------------------------------------------------------------------------------------------

OTHER_GRANTS = [
    "authorization_code",
    "refresh_token",
    "implicit",
    "hybrid",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "CLIENT_CREDENTIALS",
    "client_credentials ",
    "unknown",
    "",
    None,
]


@pytest.mark.parametrize("grant", OTHER_GRANTS)
def test_no_grant_but_those_of_clients_without_a_browser_gives_anything(world, grant):
    """A phished device code of a member of the push group would push."""
    member = {"groups": ["acl_docker_push", "acl_docker_pull"]}
    for post in (user_post(grant_type=grant), ci_post(token(), grant_type=grant)):
        if grant is None:
            del post["grant_type"]
        verified = CLAIMS if "client_assertion" in post else None
        assert world.run("trust_policy.py", post, verified=verified, **member) is False
        assert world.access(post=post, **member) == []
        assert world.run("ci_session.py", post, application="ci-session", **member) == {}


@pytest.mark.parametrize("grant", OTHER_GRANTS[:-1])
def test_what_authentik_says_of_the_grant_counts_as_well(world, grant):
    assert world.policy(token(), grant=grant) is False
    assert world.policy(groups=["acl_docker_push"], grant=grant) is False
    assert "grant" in world.messages[0]


@pytest.mark.parametrize("grant", ["client_credentials", "password"])
def test_the_grants_of_clients_without_a_browser(world, grant):
    assert world.run("trust_policy.py", user_post(grant_type=grant), groups=["acl_docker_push"]) is True
    assert world.access(post=user_post(grant_type=grant), groups=["acl_docker_push"]) == ACME
    assert world.policy(token(), post=ci_post(token(), grant_type="password"), grant=grant) is True


# --- an assertion that authentik has not verified ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_assertion_type": ""},
        {"client_assertion_type": JWT_BEARER.upper()},
        {"client_assertion_type": f"{JWT_BEARER} "},
    ],
)
def test_text_in_the_assertion_field_counts_for_nothing(world, changes):
    post = ci_post(token(), **changes)
    assert world.run("trust_policy.py", post) is False
    assert world.access(post=post) == []
    assert world.run("ci_session.py", post, application="ci-session") == {}


def test_a_forged_assertion_gives_an_app_password_nothing_more(world):
    post = user_post("repository:acme/app:push", client_assertion=token())
    assert world.access(post=post, groups=["acl_docker_pull"]) == []


def test_the_first_assertion_field_is_the_one_that_counts(world):
    post = ci_post("garbage", client_secret=token())
    assert world.access(post=post) == []


# --- sessions ---------------------------------------------------------------------------------------------------------


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
