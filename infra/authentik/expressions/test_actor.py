"""Whom the registry names: the `sub` that `docker_registry.py` writes, under a real Python."""

import re

import pytest
from expression_world import CLAIMS, GITLAB, NOW, World, held, rule, session, source, token
from hypothesis import given, settings
from hypothesis import strategies as st

PRINTABLE = re.compile(r"[\x21-\x7e]{1,800}")
GITLAB_CLAIMS = {
    "iss": GITLAB,
    "kid": "gitlab-1",
    "repository": None,
    "run_id": None,
    "project_path": "acme/app",
    "ref": "main",
    "ref_path": "refs/heads/main",
    "pipeline_id": "7001",
    "job_id": "90001",
}


def sub(world, assertion=None, **more):
    return world.registry_claims(assertion, **more).get("sub")


def with_any_ref(world):
    world.groups["docker-registry-trust"]["sources"][0]["rules"] = [rule(claims=[["iss", ["**"]]], push=["**"])]
    return world


def with_cluster(world):
    account = rule(number=3, claims=[["sub", ["system:serviceaccount:shop:*"]]], pull=["acme/**"])
    cluster = {**source("oidc", "https://cluster.example.com"), "slug": "cluster", "rules": [account]}
    world.groups["docker-registry-trust"]["sources"].append(cluster)
    world.keys["docker-registry-oidc"] = [{"kid": "cluster-1", "kty": "RSA", "n": "cluster", "e": "AQAB"}]


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_a_job_of_github_by_its_token_and_by_its_session(world):
    expected = "github:acme/app@refs/heads/main#42;rules=1"
    assert sub(world, token()) == expected
    assert sub(world, held(world, session())) == expected
    assert sub(world, token(check_run_id="4711")) == "github:acme/app@refs/heads/main#42/4711;rules=1"


def test_a_session_keeps_its_own_subject(world):
    assert "sub" not in world.session_claim(token())


def test_a_job_of_gitlab(world):
    assert sub(world, token(**GITLAB_CLAIMS)) == "gitlab:acme/app@refs/heads/main#7001/90001;rules=1"
    assert sub(world, token(**{**GITLAB_CLAIMS, "ref_path": None})) == "gitlab:acme/app@main#7001/90001;rules=1"


def test_a_service_account_of_kubernetes(world):
    with_cluster(world)
    claims = {"iss": "https://cluster.example.com", "repository": "acme/forged", "kid": "cluster-1"}
    assert sub(world, token(**claims, sub="system:serviceaccount:shop:web")) == "cluster:shop/web;rules=3"


def test_what_a_session_had_no_room_for_is_left_out(world):
    ci = {"source": "github", "claims": {"repository_owner_id": "501", "ref": "refs/heads/main"}}
    assert sub(world, held(world, session(ci=ci))) == "github:?@refs/heads/main;rules=1"
    ci["claims"]["sub"] = "repo:acme/app:ref:refs/heads/main"
    name = "repo:acme/app:ref:refs/heads/main"
    assert sub(world, held(world, session(ci=ci))) == f"github:{name}@refs/heads/main;rules=1"


def test_the_first_rules_that_match(world):
    rules = [rule(number=number, claims=[["ref", ["**"]]], push=["**"]) for number in range(1, 9)]
    world.groups["docker-registry-trust"]["sources"][0]["rules"] = rules
    assert sub(world, token()).endswith(";rules=1,2,3,4,5")


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_person_by_the_user_name(world):
    world.user["username"] = "alice"
    assert sub(world, groups=["acl_docker_push"]) == "@alice"


@pytest.mark.parametrize("name", ["github:acme/app@refs/heads/main#42;rules=1", "@github:acme/app#42"])
def test_a_person_cannot_look_like_a_job(world, name):
    world.user["username"] = name
    found = sub(world, groups=["acl_docker_push"])
    assert found.startswith("@")
    assert not set("@#;") & set(found[1:])


def test_the_user_that_a_token_chooses_is_not_named(world):
    world.user["username"] = "alice"
    assert sub(world, token(preferred_username="alice")) == "github:acme/app@refs/heads/main#42;rules=1"


# --- hostile values ---------------------------------------------------------------------------------------------------


def test_whoever_is_refused_is_not_named(world):
    assert world.registry_claims(token(repository_owner_id="666")) == {"access": []}
    assert world.registry_claims(token(exp=NOW - 60)) == {"access": []}
    assert world.registry_claims(active=False, groups=["acl_docker_push"]) == {"access": []}


def test_a_ref_that_looks_like_the_rest(world):
    ref = "refs/heads/x#1/2;rules=9@%41 \n\u00e9"
    assert sub(with_any_ref(world), token(ref=ref)) == (
        "github:acme/app@refs/heads/x%231/2%3Brules%3D9%40%2541%20%0A%C3%A9#42;rules=1"
    )


def test_what_is_cut_off_says_so(world):
    ref = "refs/heads/" + "x" * 400
    assert sub(world, token(ref=ref)) == f"github:acme/app@{ref[:256]}%E2%80%A6#42;rules=1"
    emoji = "refs/heads/" + "\U0001f600" * 100
    found = sub(world, token(ref=emoji))
    assert found.startswith("github:acme/app@refs/heads/%F0%9F%98%80%F0")
    assert "%80%E2%80%A6#42" in found  # no escape is cut in two


@settings(max_examples=50, deadline=None)  # machines differ
@given(text=st.text(max_size=300), run=st.text(max_size=300))
def test_it_is_printable_and_short_and_has_its_parts_whatever_the_claims_are(text, run):
    claims = {**CLAIMS, "repository": text, "ref": f"refs/heads/{text}", "run_id": run}
    found = sub(with_any_ref(World()), token(**claims))
    assert PRINTABLE.fullmatch(found)
    assert found.startswith("github:")
    assert found.count(";") == 1
    assert found.count("@") == 1
