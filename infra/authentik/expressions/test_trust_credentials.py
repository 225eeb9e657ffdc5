"""Who is let in: policy and mappings under a real Python, run as authentik runs them, against the attacks on tokens."""

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
