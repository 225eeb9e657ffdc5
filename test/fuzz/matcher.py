"""Answers one JSON line for each JSON line: the decision of trust.py, run as authentik runs an expression."""

import json
import sys
import textwrap
import time
import types

SHARED = sys.argv[1]
NAMES = "understood, claim_texts, matching_rules, requested, grant, from_ci_token, Refused"
NOW = 1_800_000_000


def stub(name, **names):
    """A module that trust.py imports and that the matcher itself never uses."""
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module


class Objects:
    """`OAuthSource.objects`, as far as trust.py asks."""

    keys = {}  # by slug

    def __init__(self, found=None):
        self.found = found

    def filter(self, slug, oidc_jwks__keys__contains):
        kids = [key.get("kid") for key in self.keys.get(slug, [])]
        return Objects(all(wanted["kid"] in kids for wanted in oidc_jwks__keys__contains))

    def exists(self):
        return self.found

    def get(self, slug):
        return types.SimpleNamespace(oidc_jwks={"keys": self.keys[slug]})


def load(path):
    """The functions of trust.py out of a function's body, where authentik puts them."""
    stub("authentik")
    for app in ("core", "providers", "sources", "providers.oauth2", "sources.oauth"):
        stub(f"authentik.{app}")
    stub("authentik.core.models", Group=None)
    stub("authentik.providers.oauth2.models", AccessToken=None)
    stub("authentik.sources.oauth.models", OAuthSource=types.SimpleNamespace(objects=Objects()))
    with open(path, encoding="utf-8") as file:
        body = textwrap.indent(file.read(), "    ")
    scope = {}
    exec(f"def handler():\n{body}\n    return {NAMES}\n", scope)  # noqa: S102
    return scope["handler"]


def decide(handler, case):
    understood, claim_texts, matching_rules, requested, grant, from_ci_token, refused = handler()
    document = case["document"]
    if not understood(document):
        return {"understood": False, "rules": [], "access": [], "source": None}
    texts = claim_texts(case["claims"])
    sources = [source for source in document["sources"] if source["slug"] == case["slug"]]
    rules = matching_rules(sources[0], texts) if sources else []
    access = grant(requested(" ".join(case["scopes"])), rules, texts, set())
    numbers = list(dict.fromkeys(rule["number"] for rule in rules))
    source = source_of(document, case, from_ci_token, refused)
    return {"understood": True, "rules": numbers, "access": access, "source": source}


def source_of(document, case, from_ci_token, refused):
    """The slug of the source that the case's token comes from; it is for every audience, and has not expired."""
    Objects.keys = case["keys"]
    audiences = [source["audience"] for source in document["sources"]]
    claims = {"iss": case["token"]["issuer"], "aud": audiences, "exp": NOW + 60}
    try:
        return from_ci_token(document, case["token"]["kid"], claims, NOW)["slug"]
    except refused:
        return None


def measure(handler, case, rounds):
    """Processor milliseconds of the quickest of some rounds; each round starts from nothing, as authentik does."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        decide(handler, case)
        times.append((time.process_time() - start) * 1000)
    return {"milliseconds": min(times)}


def main():
    handler = load(SHARED)
    for line in sys.stdin:
        case = json.loads(line)
        rounds = case.get("rounds")
        answer = decide(handler, case) if rounds is None else measure(handler, case, rounds)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
