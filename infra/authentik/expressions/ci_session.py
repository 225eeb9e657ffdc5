"""Scope mapping `ci-session`: writes `ci`, the verified claims that the rules need, and the source they came from.

Each exchange compares these claims with the rules of that moment, so a session can never do more than the CI token
could, and can do nothing once its rule is gone.

A session is also the token of a login that asks for nothing: with the registry's audience besides its own and an empty
`access` it opens `/v2/` at the registry, and nothing else. What this returns overrides the token's own claims.
"""

import json

from authentik.providers.oauth2.models import OAuth2Provider

USER_EXPIRES = "goauthentik.io/user/expires"
USER_GENERATED = "goauthentik.io/user/generated"  # authentik's clean-up only looks at such users
SOURCE_USERS = "goauthentik.io/sources/"  # where authentik puts the users that it makes for a source
# Windows' credential store takes 2,560 bytes, and a whole session has to stay below 2,400. The rest of it (header and
# signature, issuer, audience, times, ids) takes up to 1,050 characters; base64 turns three into four.
MAX_SESSION_CLAIMS_BYTES = 1000


def chosen_claims(names, rules, texts):
    """The claims that go into the session: first those that the matching rules compare or insert, then the others."""
    needed = {name for rule in rules for name, _ in rule["claims"]}
    needed |= {name for rule in rules for field in ACTIONS for name in TEMPLATE.findall(" ".join(rule[field]))}
    kept, left = {}, MAX_SESSION_CLAIMS_BYTES
    for name in sorted(names, key=lambda name: name not in needed):  # stable: the document's order otherwise
        # As JSON, which is what fills the session: a character outside ASCII takes six or twelve bytes.
        size = len(json.dumps({name: texts[name]}, separators=(",", ":"))) if name in texts else 0
        if 0 < size <= left:
            kept[name] = texts[name]
            left -= size
        elif size and name in needed:
            ak_logger.warning("a claim that a rule needs is too long for the session", claim=name)
    return kept


def keep_user(user, provider, until):
    """Keeps the user that authentik made for the CI token until the session ends.

    authentik deletes such a user, and its sessions, some time after the CI token expires (GitHub: five minutes). Since
    2026.5 it empties the attributes at each exchange, the expiry too, and the user would stay forever.
    """
    if USER_EXPIRES not in user.attributes and is_generated(user, provider):
        user.attributes |= {USER_GENERATED: True, USER_EXPIRES: until}
        user.save()
    elif user.attributes.get(USER_EXPIRES, until) < until:
        user.attributes[USER_EXPIRES] = until
        user.save()


def is_generated(user, provider):
    """Whether authentik made this user. People, and users that an administrator made, must never get an expiry.

    authentik overwrites path, type and attributes of the user that a CI token acts as, but neither name nor password.
    The password is empty only for users that authentik made: its API, its pages and blueprints set at least the mark of
    an unusable password.
    """
    return (
        user.username.startswith(f"{provider}-")
        and user.path.startswith(SOURCE_USERS)
        and user.type == "service_account"
        and not getattr(user, "password", "")
    )


try:
    document = trust_document()
    assertion = assertion_of(http_request.POST, request.context)
    if assertion is None or not request.user.is_active:
        raise Refused("only an active CI identity gets a session")
    source, texts = identify(document, document["session"]["application"], assertion, time.time())
    rules = matching_rules(source, texts)
    if not rules:
        raise Refused("no rule matches")
    kept = chosen_claims(document["session"]["claims"], rules, texts)
    audience = [document["session"]["audience"], OAuth2Provider.objects.get(name=document["application"]).client_id]
    try:
        keep_user(request.user, document["session"]["provider"], int(token.expires.timestamp()))
    except Exception as error:
        # The session still works until authentik cleans up.
        ak_logger.warning("a session may end with its CI token", error=type(error).__name__)
    return {"ci": {"source": source["slug"], "claims": kept}, "aud": audience, "access": []}
except Exception:
    return {}
