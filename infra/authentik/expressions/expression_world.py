"""authentik as the expressions see it, for their tests: models, names, and the function around them."""

import json
import sys
import textwrap
import types
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import jwt

HERE = Path(__file__).parent
NOW = 1_800_000_000
SESSION_ENDS = NOW + 6 * 3600
GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.example.com"
# The issuer of registry tokens and of sessions: both providers have the global mode.
OWN = "https://authentik.example.com/"
REGISTRY_CLIENT = "client id of the registry"
AUDIENCE = "registry.example.com"
# Public keys as far as the expressions compare them: only their material.
RSA = {"kty": "RSA", "n": "sXchzx", "e": "AQAB"}
EC = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2", "y": "x_FEzRu9"}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# authentik verifies signatures, the expressions never do; so any secret does here.
SECRET = "a secret of the tests that is long enough for PyJWT"

CLAIMS = {
    "iss": GITHUB,
    "aud": AUDIENCE,
    "sub": "repo:acme/app:ref:refs/heads/main",
    "iat": NOW - 60,
    "nbf": NOW - 60,
    "exp": NOW + 240,
    "repository": "acme/app",
    "repository_owner": "acme",
    "repository_owner_id": "501",
    "ref": "refs/heads/main",
    "run_id": "42",
}


# How authentik changes the user that a CI token acts as, except for name and password.
GENERATED_USER = {
    "username": "ci-session-repo:acme/app:ref:refs/heads/main",
    "path": "goauthentik.io/sources/github",
    "type": "service_account",
    "password": "",
}


def rule(**fields):
    return {"number": 1, "claims": [], "push": [], "pull": [], "delete": [], "catalog": False, **fields}


def source(platform, issuer):
    slugs = {"slug": platform, "authentikSlug": f"docker-registry-{platform}"}
    return {**slugs, "platform": platform, "issuer": issuer, "audience": AUDIENCE}


def document():
    """What trust/language/document.ts compiles for two sources."""
    owner = [["repository_owner_id", ["501"]], ["ref", ["refs/heads/*", "refs/tags/*"]]]
    push = ["{repository}", "{repository}/**"]
    github = [rule(claims=owner, push=push, pull=["{repository_owner}/**"])]
    gitlab = [rule(claims=[["project_path", ["acme/*"]]], push=["{project_path}"])]
    return {
        "version": 1,
        "application": "docker-registry",
        "groups": {"push": "acl_docker_push", "pull": "acl_docker_pull"},
        "session": {
            "application": "ci-session",
            "provider": "ci-session",
            "audience": "ci-session",
            "claims": ["iss", "ref", "repository", "repository_owner", "repository_owner_id", "run_id", "sub"],
        },
        "sources": [
            {**source("github", GITHUB), "rules": github},
            {**source("gitlab", GITLAB), "rules": gitlab},
        ],
    }


def token(kid="github-1", **changes):
    """A CI token; a claim of None is left out."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(claims, SECRET, "HS256", headers={} if kid is None else {"kid": kid})


def session(**changes):
    """What authentik issues for `ci-session`."""
    ci = {"source": "github", "claims": {name: CLAIMS[name] for name in document()["session"]["claims"]}}
    own = {"kid": "own-1", "iss": OWN, "aud": ["ci-session", REGISTRY_CLIENT], "access": []}
    return token(**{**own, "ci": ci, "repository": None, **changes})


def shared():
    """The functions of trust.py."""
    World().install_models()
    names = {}
    exec((HERE / "trust.py").read_text("utf-8"), names)
    return SimpleNamespace(**names)


def held(world, assertion, provider="ci-session"):
    """The assertion, which authentik now has stored as an access token of the provider."""
    world.access_tokens[assertion] = provider
    return assertion


class Objects:
    """A model's `objects`, as far as the expressions use it."""

    def __init__(self, rows, matches):
        self.rows, self.matches = rows, matches

    def filter(self, **conditions):
        return Objects([row for row in self.rows if self.matches(row, **conditions)], self.matches)

    def exists(self):
        return bool(self.rows)

    def get(self, **conditions):
        (row,) = self.filter(**conditions).rows  # raises where there is not exactly one, as Django does
        return row


def by_name(row, name):
    return row.name == name


class World:
    """One authentik: its stored objects, which a test changes, and a run of each expression."""

    def __init__(self):
        self.groups = {"docker-registry-trust": document()}
        self.keys = {
            "docker-registry-github": [{"kid": "github-1", **RSA}, {"kid": "github-2", **EC}],
            "docker-registry-gitlab": [{"kid": "gitlab-1", **EC, "x": "another"}],
        }
        self.access_tokens = {}  # text to name of the provider
        self.providers = [SimpleNamespace(name="docker-registry", client_id=REGISTRY_CLIENT)]
        self.messages = []
        self.user = {**GENERATED_USER, "attributes": {}}  # the user of the request
        self.saved = []  # the attributes with which an expression saved the user
        self.logged = []  # what an expression wrote to authentik's log, with its values
        self.saving_fails = False

    def run(self, name, post, application="docker-registry", groups=(), active=True, verified=None, grant=None):
        """What the expression returns.

        `verified` is what authentik hands a policy as `oauth_jwt`; `grant` is the grant that authentik names, by
        default that of the request.
        """
        self.install_models()
        text = (HERE / "trust.py").read_text("utf-8").strip() + "\n\n\n" + (HERE / name).read_text("utf-8").strip()
        names = {
            "ak_is_group_member": lambda user, name: name in user.groups,
            "ak_logger": SimpleNamespace(warning=self.log),
            "ak_message": self.messages.append,
            "token": SimpleNamespace(expires=datetime.fromtimestamp(SESSION_ENDS, UTC)),
        }
        exec(f"def handler(request, http_request):\n{textwrap.indent(text, '    ')}\n", names)
        http_request = SimpleNamespace(POST=post)
        request = SimpleNamespace(
            http_request=http_request,
            user=SimpleNamespace(groups=groups, is_active=active, save=self.save, **self.user),
            obj=SimpleNamespace(slug=application),
            context={} if verified is None else {"oauth_jwt": verified},
        )
        if name == "trust_policy.py":
            request.context["oauth_grant_type"] = post.get("grant_type", "") if grant is None else grant
        with patch("time.time", return_value=NOW):
            return names["handler"](request, http_request)

    def policy(self, assertion=None, **more):
        """Whether the policy lets a request pass in which authentik has verified the assertion."""
        if assertion is None:
            return self.run("trust_policy.py", user_post(), **more)
        verified = jwt.decode(assertion, options={"verify_signature": False})
        return self.run("trust_policy.py", **{"post": ci_post(assertion), "verified": verified, **more})

    def access(self, assertion=None, scope="repository:acme/app:pull,push", **more):
        """The granted access as texts: type:name:actions."""
        claim = self.registry_claims(assertion, scope, **more)
        return [f"{one['type']}:{one['name']}:{','.join(one['actions'])}" for one in claim["access"]]

    def registry_claims(self, assertion=None, scope="repository:acme/app:pull,push", **more):
        """What the mapping lays over the claims of a registry token."""
        post = user_post(scope) if assertion is None else ci_post(assertion, scope)
        claim = self.run("docker_registry.py", **{"post": post, **more})
        assert set(claim) in ({"access"}, {"access", "sub"})
        # Without access it says whom it refused only where it got so far as to know.
        assert "sub" in claim or claim["access"] == []
        json.dumps(claim)
        return claim

    def session_claim(self, assertion, **more):
        return self.run("ci_session.py", **{"post": ci_post(assertion), "application": "ci-session", **more})

    def save(self):
        if self.saving_fails:
            raise RuntimeError("the database is away")
        self.saved.append(dict(self.user["attributes"]))

    def log(self, event, **values):
        self.messages.append(event)
        self.logged.append(values)

    def install_models(self):
        modules = {}
        groups = [SimpleNamespace(name=name, attributes=attributes) for name, attributes in self.groups.items()]
        sources = [SimpleNamespace(slug=slug, oidc_jwks={"keys": keys}) for slug, keys in self.keys.items()]
        for path, name, objects in (
            ("authentik.core.models", "Group", Objects(groups, by_name)),
            ("authentik.sources.oauth.models", "OAuthSource", Objects(sources, self.holds)),
            ("authentik.providers.oauth2.models", "AccessToken", Objects(list(self.access_tokens), self.issued)),
            ("authentik.providers.oauth2.models", "OAuth2Provider", Objects(self.providers, by_name)),
        ):
            parts = path.split(".")
            for end in range(1, len(parts)):
                sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
            sys.modules[path] = modules.setdefault(path, types.ModuleType(path))
            setattr(sys.modules[path], name, SimpleNamespace(objects=objects))

    def holds(self, row, slug, oidc_jwks__keys__contains=()):
        kids = [key.get("kid") for key in row.oidc_jwks["keys"]]
        return row.slug == slug and all(wanted["kid"] in kids for wanted in oidc_jwks__keys__contains)

    def issued(self, row, token, provider__name):
        return row == token and self.access_tokens[row] == provider__name


def ci_post(assertion, scope="repository:acme/app:pull,push", **more):
    post = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return {**post, "scope": f"docker-registry {scope}", **more}


def user_post(scope="repository:acme/app:pull,push", **more):
    post = {"grant_type": "client_credentials", "username": "alice", "password": "app password"}
    return {**post, "scope": f"docker-registry {scope}", **more}
