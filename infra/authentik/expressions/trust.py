"""What the trust policy and the scope mappings share: who asks, which rules match, and what they grant.

The text of this file precedes each of them, since authentik runs an expression inside a function and offers no way to
import a file. The same decision exists in TypeScript (trust/decision/decide.ts) for previews and early refusals; a
differential test compares the two.
"""

import re
import time  # noqa: F401  for the files that this one precedes
from functools import lru_cache

from authentik.core.models import Group
from authentik.providers.oauth2.models import AccessToken
from authentik.sources.oauth.models import OAuthSource
from jwt import decode, get_unverified_header

DOCUMENT_GROUP = "docker-registry-trust"
DOCUMENT_VERSION = 1
# authentik treats both the same: tokens for an assertion, a password or a secret, without a browser.
GRANTS = ("client_credentials", "password")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2
LEEWAY_SECONDS = 30
MAX_CLAIM_BYTES = 1024
MAX_SAFE_INTEGER = 2**53 - 1  # RFC 8259 section 6: what every JSON reader agrees on
MAX_NAME_CHARACTERS = 255  # distribution's reference grammar: RepositoryNameTotalLengthMax
MAX_SCOPES = 500
ACTIONS = ("pull", "push", "delete")
EVERY_ACTION = "*"
# Claims that are case-insensitive on the platforms themselves: acme and Acme cannot both exist at GitHub or GitLab.
CASELESS = {
    "github": ("actor", "enterprise", "repository", "repository_owner"),
    "gitlab": ("job_namespace_path", "job_project_path", "namespace_path", "project_path", "user_login"),
    "oidc": (),
}
# Only ASCII: lower() would make other letters equal to these.
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
# The members that make up a public key (RFC 7638 section 3.2, RFC 8037 section 2).
KEY_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}

# distribution's reference grammar for a name; docs/spec/auth/scope.md allows a host with a port before it.
COMPONENT = r"[a-z0-9]+(?:(?:\.|__|_|-+)[a-z0-9]+)*"
PATH = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
RESOURCE = re.compile(rf"(?:{COMPONENT}:[0-9]+/)?{PATH.pattern}")
PATH_ANY_CASE = re.compile(PATH.pattern.replace("a-z", "a-zA-Z"))
STARS = re.compile(r"\*\*|\*|[^*]+")
TEMPLATE = re.compile(r"\{([^{}]*)\}")


class Refused(Exception):
    """No token for this request; the message says why, without any part of the credential."""


# --- the document -----------------------------------------------------------------------------------------------------


def trust_document():
    """The compiled rules. If they are missing, of another version or not understood, the request is refused."""
    document = Group.objects.get(name=DOCUMENT_GROUP).attributes
    if not understood(document):
        raise Refused(f'group "{DOCUMENT_GROUP}" does not contain trust rules that this version understands')
    return document


def understood(document):
    """Whether every field is there and has its type: a text that is read as a list of patterns would match too much."""
    if not isinstance(document, dict) or document.get("version") != DOCUMENT_VERSION or document["version"] is True:
        return False
    groups, session, sources = (document.get(name) for name in ("groups", "session", "sources"))
    return (
        is_text(document.get("application"))
        and isinstance(groups, dict)
        and all(is_text(groups.get(name)) for name in ("push", "pull"))
        and isinstance(session, dict)
        and all(is_text(session.get(name)) for name in ("application", "provider", "audience"))
        and is_texts(session.get("claims"))
        and isinstance(sources, list)
        and all(is_source(source) for source in sources)
    )


def is_source(source):
    return (
        isinstance(source, dict)
        and all(is_text(source.get(name)) for name in ("slug", "issuer", "audience"))
        and is_text(source.get("authentikSlug", source["slug"]))
        and source.get("platform") in ("github", "gitlab", "oidc")
        and isinstance(source.get("rules"), list)
        and all(is_rule(rule) for rule in source["rules"])
    )


def is_rule(rule):
    if not isinstance(rule, dict) or not isinstance(rule.get("claims"), list) or not rule["claims"]:
        return False
    for claim in rule["claims"]:
        if not (isinstance(claim, list) and len(claim) == 2 and is_text(claim[0]) and is_texts(claim[1])):
            return False
    lists = is_texts(rule.get("push")) and is_texts(rule.get("pull")) and is_texts(rule.get("delete"))
    return lists and isinstance(rule.get("catalog"), bool) and type(rule.get("number")) is int


def is_text(value):
    return isinstance(value, str) and value != ""


def is_texts(value):
    if not isinstance(value, list):
        return False
    for item in value:  # noqa: SIM110  a loop is twice as fast as all() over a thousand rules
        if not isinstance(item, str):
            return False
    return True


# --- the matcher ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)  # rules share patterns
def glob(pattern, text):
    """Whether the whole text fits the pattern: `*` is any run without "/", `**` any run; the rest matches itself.

    Keeps every position that can be reached, one piece of the pattern after the other, so the work is at most
    (pieces of the pattern) x (length of the text): no pattern makes it backtrack.
    """
    head, star, rest = pattern.partition("*")
    if not star:
        return pattern == text
    if not text.startswith(head) or not text.endswith(rest[rest.rfind("*") + 1 :]):
        return False
    reached = [0]
    for piece in STARS.findall(pattern):
        reached = advance(reached, piece, text)
        if not reached:
            return False
    return reached[-1] == len(text)


def advance(reached, piece, text):
    """The ascending positions that one piece of a pattern leads to from the ascending positions reached so far."""
    if piece == "**":
        return range(reached[0], len(text) + 1)
    if piece != "*":
        return [start + len(piece) for start in reached if text.startswith(piece, start)]
    onward, unseen = [], 0
    for start in reached:
        if start >= unseen:
            slash = text.find("/", start)
            unseen = (len(text) if slash < 0 else slash) + 1
            onward.extend(range(start, unseen))
    return onward


def claim_texts(claims):
    """Each claim as the text that is compared with patterns; a claim without such a text counts as absent.

    Booleans and whole numbers are their JSON text. Lists, objects, fractions, null, anything longer than the limit and
    malformed Unicode have none.
    """
    texts = {}
    for name, value in claims.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, (int, float)):
            if value != value // 1 or abs(value) > MAX_SAFE_INTEGER:
                continue
            value = str(int(value))
        elif not isinstance(value, str):
            continue
        try:
            if len(value.encode()) <= MAX_CLAIM_BYTES:
                texts[name] = value
        except UnicodeEncodeError:
            continue
    return texts


def matching_rules(source, texts):
    """The rules of a source whose claims all match one of their patterns; some names match in any case."""
    caseless = CASELESS[source["platform"]]
    compared = {name: text.translate(LOWER) if name in caseless else text for name, text in texts.items()}
    return [rule for rule in source["rules"] if rule_matches(rule, compared, caseless)]


def rule_matches(rule, texts, caseless):
    for name, patterns in rule["claims"]:
        text = texts.get(name)
        if text is None:
            return False
        for pattern in patterns:
            if glob(pattern.translate(LOWER) if name in caseless else pattern, text):
                break
        else:
            return False
    return True


def repository_paths(texts):
    """The claims that can be part of a repository name, lower-cased. None contains "*", so none is a pattern."""
    # Only ASCII letters get here, which every language lower-cases the same way.
    return {
        name: text.lower()
        for name, text in texts.items()
        if len(text) <= MAX_NAME_CHARACTERS and PATH_ANY_CASE.fullmatch(text)
    }


def insert_claims(template, paths):
    """The pattern that a name template becomes, as a list: empty if a claim is absent or is not a repository name."""
    try:
        return [TEMPLATE.sub(lambda claim: paths[claim[1]], template)]
    except KeyError:
        return []


def requested(scope):
    """What a scope parameter asks for: {(type, name): actions}. Words outside the grammar ask for nothing.

    `*` asks for every action; skopeo uses it before it deletes.
    """
    asked = {}
    words = [word for word in scope.split(" ") if word]
    for word in words[:MAX_SCOPES]:
        kind, _, rest = word.partition(":")
        name, _, listed = rest.rpartition(":")
        actions = set(listed.split(","))
        if kind == "repository" and len(name) <= MAX_NAME_CHARACTERS and RESOURCE.fullmatch(name):
            known = ACTIONS if EVERY_ACTION in actions else actions & set(ACTIONS)
            asked.setdefault((kind, name), set()).update(known)
        elif kind == "registry" and name == "catalog":
            asked.setdefault((kind, name), set()).update(actions & {EVERY_ACTION})
    return asked


def grant(asked, rules, texts, everywhere):
    """The `access` claim: for each scope the requested actions that a rule or `everywhere` grants.

    `everywhere` is what a group grants: actions for every name, and "catalog" for the list of names.
    """
    paths = repository_paths(texts)
    patterns = {}
    for field in ACTIONS:
        templates = {template for rule in rules for template in rule[field]}
        patterns[field] = {pattern for template in templates for pattern in insert_claims(template, paths)}
    patterns["pull"] |= patterns["push"]
    catalog = "catalog" in everywhere or any(rule["catalog"] for rule in rules)
    access = []
    for (kind, name), actions in asked.items():
        if kind == "registry":
            granted = [EVERY_ACTION] if catalog and actions else []
        else:
            granted = [
                action
                for action in ACTIONS
                if action in actions
                and (action in everywhere or any(glob(pattern, name) for pattern in patterns[action]))
            ]
        if granted:
            access.append({"type": kind, "name": name, "actions": granted})
    return access


# --- who asks ---------------------------------------------------------------------------------------------------------


def assertion_of(post, context):
    """The JWT that authentik has verified for this request, or None if it accepted something else.

    With these grants and this type authentik verifies exactly this field, or refuses the request. Every other grant is
    refused: browsers and devices use those, so a phished device code would push. If authentik itself names the grant,
    it must be one of these too.
    """
    grant = post.get("grant_type")
    if grant not in GRANTS or context.get("oauth_grant_type", grant) not in GRANTS:
        raise Refused("only the grants client_credentials and password get a token")
    kind = post.get("client_assertion_type", "")
    if kind == "":
        return None
    if kind != JWT_BEARER:
        raise Refused("the client assertion is of a type that is not supported")
    return post.get("client_assertion", post.get("client_secret", ""))


def identify(document, application, assertion, now):
    """The source that issued the assertion, and its claims as texts.

    A session is an access token of the session's provider that authentik has stored: the exact text, so no claim and no
    `kid` turns another token into a session.
    """
    claims = decode(assertion, options={"verify_signature": False})
    provider = document["session"]["provider"]
    if AccessToken.objects.filter(token=assertion, provider__name=provider).exists():
        source, claims = from_session(document, application, claims, now)
    else:
        source = from_ci_token(document, get_unverified_header(assertion).get("kid"), claims, now)
    return source, claim_texts(claims)


def from_session(document, application, claims, now):
    """The source of a session, and the claims of the CI token that it was made from."""
    session = document["session"]
    if application != document["application"]:
        raise Refused("a session cannot be made from a session")
    check(claims, session["audience"], now)
    ci = claims["ci"]
    for source in document["sources"]:
        if source["slug"] == ci["source"]:
            return source, ci["claims"]
    raise Refused("the session came from a source that is no longer trusted")


def from_ci_token(document, kid, claims, now):
    """The source that the token names as its issuer, if its stored keys contain the `kid`.

    authentik accepts a key of any source and ignores the issuer. So if several sources have the `kid`, they must have
    the same key: otherwise the token may be signed by a source that it does not name.
    """
    holders = [source for source in document["sources"] if holds_key(source, kid)]
    if not holders:
        raise Refused("no trusted source has the key that signed the token")
    if len(holders) > 1 and len({key for source in holders for key in keys_tried(source, kid)}) > 1:
        raise Refused("several trusted sources have different keys with the key id of the token")
    source = next((source for source in holders if source["issuer"] == claims.get("iss")), None)
    if source is None:
        slugs = ", ".join(f'"{source["slug"]}"' for source in holders)
        raise Refused(f"the issuer is not that of source {slugs}, whose key signed the token")
    check(claims, source["audience"], now)
    return source


def holds_key(source, kid):
    if not isinstance(kid, str) or kid == "":
        return False
    return OAuthSource.objects.filter(slug=stored_slug(source), oidc_jwks__keys__contains=[{"kid": kid}]).exists()


def keys_tried(source, kid):
    """The keys of a source with which authentik tries to verify a token: those with its `kid`, those without one."""
    keys = OAuthSource.objects.get(slug=stored_slug(source)).oidc_jwks["keys"]
    return [material(key) for key in keys if not key.get("kid") or key["kid"] == kid]


def stored_slug(source):
    # An `up` replaces this text before or after the document, whose older form has only one slug.
    return source.get("authentikSlug", source["slug"])


def material(key):
    """The material of a public key; its name, use and certificates may differ."""
    members = KEY_MEMBERS.get(str(key.get("kty")))
    if members is None or not all(is_text(key.get(member)) for member in members):
        raise Refused("several trusted sources have the key id of the token, and one of their keys is not understood")
    return (key["kty"], *(key[member].rstrip("=") for member in members))


def check(claims, audience, now):
    """Refuses a token for another audience, expired, or not yet valid. authentik itself never checks `aud`."""
    meant_for = claims.get("aud")
    if audience not in (meant_for if isinstance(meant_for, list) else [meant_for]):
        raise Refused(f'the audience is not "{audience}"')
    if not is_time(claims.get("exp")) or claims["exp"] + LEEWAY_SECONDS <= now:
        raise Refused("the token has expired or does not say when it does")
    for name in ("iat", "nbf"):
        if name in claims and not (is_time(claims[name]) and claims[name] - LEEWAY_SECONDS <= now):
            raise Refused(f"{name} is in the future or is not a time")


def is_time(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
