"""The scope mapping under a real Python, run as authentik runs it: its text as the body of a function."""

import json
import os
from pathlib import Path
from textwrap import indent
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

# The caller may name a rendered copy, with other groups in it.
SOURCE = Path(os.environ.get("EXPRESSION", Path(__file__).with_name("docker_registry.py"))).read_text("utf-8")
PUSH_GROUP, PULL_GROUP = json.loads(os.environ.get("GROUPS", '["acl_docker_push", "acl_docker_pull"]'))


def evaluate(scope, groups=(), active=True, post=None):
    """The claim that authentik would put into the token of a user in these groups."""
    names = {"ak_is_group_member": lambda user, name: name in user.groups}
    exec(f"def handler(request):\n{indent(SOURCE, '    ')}", names)
    user = SimpleNamespace(groups=groups, is_active=active)
    http_request = SimpleNamespace(POST={"scope": scope} if post is None else post)
    return names["handler"](SimpleNamespace(user=user, http_request=http_request))


def access(scope, groups=(PUSH_GROUP,), **more):
    claim = evaluate(scope, groups, **more)
    assert set(claim) == {"access"}
    assert all(entry["type"] == "repository" for entry in claim["access"])
    return [(entry["name"], entry["actions"]) for entry in claim["access"]]


UNDERSTOOD = {
    "repository:app:pull": [("app", ["pull"])],
    "repository:acme/app:pull,push": [("acme/app", ["pull", "push"])],
    "repository:acme/app:push,pull": [("acme/app", ["push", "pull"])],
    "repository:host:5000/acme/app:pull,push": [("host:5000/acme/app", ["pull", "push"])],
    "repository:Host.example.com/acme/app:pull": [("Host.example.com/acme/app", ["pull"])],
    "repository(plugin):acme/app:pull": [("acme/app", ["pull"])],
    "repository:a__b/c-d.e/f--g:pull": [("a__b/c-d.e/f--g", ["pull"])],
    "docker-registry repository:a:pull repository:b:push": [("a", ["pull"]), ("b", ["push"])],
    "repository:b:pull repository:a:pull repository:b:push,pull": [("b", ["pull", "push"]), ("a", ["pull"])],
    "repository:app:pull,pull": [("app", ["pull"])],
    "repository:app:pull,": [("app", ["pull"])],
    "repository:app:pull,delete,*,banana": [("app", ["pull"])],
}


@pytest.mark.parametrize(("scope", "expected"), UNDERSTOOD.items())
def test_grants_what_is_asked(scope, expected):
    assert access(scope) == expected


@pytest.mark.parametrize(
    "scope",
    [
        "",
        " ",
        "docker-registry",
        ":",
        "::",
        "repository",
        "repository:",
        "repository:app",
        "repository:app:",
        "repository:app:delete",
        "repository:app:*",
        "repository:app:PULL",
        "repository::pull",
        "repository:/app:pull",
        "repository:app/:pull",
        "repository:a//b:pull",
        "repository:../app:pull",
        "repository:a/../b:pull",
        "repository:*:pull",
        "repository:acme/*:pull",
        "repository:Acme:pull",
        "repository:app\n:pull",
        "repository:app\x00:pull",
        "repository:äpp:pull",
        "repository:host:500000/app:pull",
        "repository:app:5000:pull",
        "repository(:app:pull",
        "repository(plugin:app:pull",
        "repository(PLUGIN):app:pull",
        "Repository:app:pull",
        "registry:catalog:*",
        "registry:catalog:pull",
        f"repository:{'a' * 256}:pull",
        None,
        7,
        ["repository:app:pull"],
    ],
)
def test_ignores_what_it_does_not_understand(scope):
    assert access(scope) == []


def test_no_scope_at_all_grants_nothing():
    assert access(None, post={}) == []


def test_one_bad_scope_takes_nothing_from_the_others():
    assert access("repository:../x:pull repository:app:pull :: registry:catalog:*") == [("app", ["pull"])]


def test_the_pull_group_pulls_and_does_not_push():
    assert access("repository:app:pull,push", (PULL_GROUP,)) == [("app", ["pull"])]
    assert access("repository:app:push", (PULL_GROUP,)) == []


def test_both_groups_push():
    assert access("repository:app:push", (PULL_GROUP, PUSH_GROUP)) == [("app", ["push"])]


def test_nobody_else_gets_anything():
    assert access("repository:app:pull,push", ()) == []
    assert access("repository:app:pull,push", ("acl_docker", PUSH_GROUP + "s", PUSH_GROUP.upper())) == []


def test_a_deactivated_user_gets_nothing():
    assert access("repository:app:pull,push", (PUSH_GROUP, PULL_GROUP), active=False) == []


def test_the_number_of_repositories_is_bounded():
    wanted = [f"repository:app{number}:pull" for number in range(500)]
    granted = access(" ".join([*wanted, "repository:app0:push"]))
    assert len(granted) == 100
    assert granted[0] == ("app0", ["pull", "push"])


def test_the_length_of_the_request_is_bounded():
    scope = "repository:app:pull"
    assert access(scope + " " * (65536 - len(scope))) == [("app", ["pull"])]
    assert access(scope + " " * (65537 - len(scope))) == []


PIECES = [
    "repository",
    "(plugin)",
    ":",
    "/",
    ",",
    " ",
    "*",
    "..",
    "\n",
    "host:5000/",
    "app",
    "A",
    "pull",
    "push",
    "delete",
]
scopes = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
names = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}", fullmatch=True)
actions = st.lists(st.sampled_from(["pull", "push", "delete", "*", "", "x"]), max_size=4)
groups = st.lists(st.sampled_from([PUSH_GROUP, PULL_GROUP, "other"]))


@given(scopes, groups, st.booleans())
def test_never_raises_and_never_grants_more_than_the_groups_do(scope, groups, active):
    may = {"pull", "push"} if PUSH_GROUP in groups else {"pull"} if PULL_GROUP in groups else set()
    for _, granted in access(scope, groups, active=active):
        assert active
        assert granted
        assert set(granted) <= may


@given(st.lists(st.tuples(names, actions), max_size=20), groups)
def test_never_grants_more_than_was_asked(asked, groups):
    wanted = {}
    for name, some in asked:
        wanted.setdefault(name, set()).update(some)
    scope = " ".join(f"repository:{name}:{','.join(some)}" for name, some in asked)
    granted = access(scope, groups)
    assert len({name for name, _ in granted}) == len(granted)
    for name, some in granted:
        assert set(some) <= wanted[name]
        assert len(set(some)) == len(some)


@given(scopes, groups)
def test_asking_for_what_was_granted_grants_the_same(scope, groups):
    granted = access(scope, groups)
    assert access(" ".join(f"repository:{name}:{','.join(some)}" for name, some in granted), groups) == granted


@given(scopes)
def test_the_claim_is_plain_json(scope):
    claim = evaluate(scope, (PUSH_GROUP,))
    assert json.loads(json.dumps(claim)) == claim
