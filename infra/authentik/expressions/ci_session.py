"""Scope mapping `ci-session`: writes `ci`, the verified claims that the rules need, and the source they came from.

The rules are held against these claims at each exchange, as the rules are then; so a session can do no more than the CI
token could, and one whose rule is gone can do nothing.

A session is also the token of a login that asks for nothing: with the registry's audience beside its own and an empty
`access` it opens `/v2/` at the registry, and nothing else. What is returned here is laid over the token's own claims.
"""

import json

from authentik.providers.oauth2.models import OAuth2Provider

USER_EXPIRES = "goauthentik.io/user/expires"
USER_GENERATED = "goauthentik.io/user/generated"  # authentik's clean-up looks at no other users
SOURCE_USERS = "goauthentik.io/sources/"  # where authentik keeps the users that it makes for a source
# Windows' credential store holds 2,560 bytes, and a whole session has to stay below 2,400. All else in it (header and
# signature, issuer, audience, times, ids) takes up to 1,050 characters; base64 makes four of three.
MAX_SESSION_CLAIMS_BYTES = 1000


def chosen_claims(names, rules, texts):
    """The claims that go into the session: first those that the matching rules look at or insert, then the others."""
    needed = {name for rule in rules for name, _ in rule["claims"]}
    needed |= {name for rule in rules for field in ACTIONS for name in TEMPLATE.findall(" ".join(rule[field]))}
    kept, left = {}, MAX_SESSION_CLAIMS_BYTES
    for name in sorted(names, key=lambda name: name not in needed):  # stable: the document's order otherwise
        # As JSON says it, since that is what fills the session: everything but ASCII takes six bytes or twelve.
        size = len(json.dumps({name: texts[name]}, separators=(",", ":"))) if name in texts else 0
        if 0 < size <= left:
            kept[name] = texts[name]
            left -= size
        elif size and name in needed:
            ak_logger.warning("a claim that a rule needs is too long for the session", claim=name)
    return kept


def keep_user(user, provider, until):
    """Lets the user that authentik made for the CI token live as long as the session.

    authentik deletes such a user some time after the CI token has run out, five minutes for GitHub, and its sessions
    with it. From 2026.5 on it empties the attributes at each exchange, the expiry too, and the user would never end.
    """
    if USER_EXPIRES not in user.attributes and is_generated(user, provider):
        user.attributes |= {USER_GENERATED: True, USER_EXPIRES: until}
        user.save()
    elif user.attributes.get(USER_EXPIRES, until) < until:
        user.attributes[USER_EXPIRES] = until
        user.save()


def is_generated(user, provider):
    """Whether authentik made this user; a person, and whatever an administrator made, must never get an expiry.

    authentik overwrites path, type and attributes of whichever user a CI token acts as. What it leaves alone tells: the
    name, and the password, which is empty for a user that it made, and never for one made by its API, its pages or a
    blueprint (those get at least the mark of an unusable one).
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
        # The session is good all the same, until authentik cleans up.
        ak_logger.warning("a session may end with its CI token", error=type(error).__name__)
    return {"ci": {"source": source["slug"], "claims": kept}, "aud": audience, "access": []}
except Exception:
    return {}
