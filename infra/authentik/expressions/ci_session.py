"""Scope mapping `ci-session`: writes `ci`, the verified claims that the rules need, and the source they came from.

The rules are held against these claims at each exchange, as the rules are then; so a session can do no more than the CI
token could, and one whose rule is gone can do nothing.

A session is also the token of a login that asks for nothing: with the registry's audience beside its own and an empty
`access` it opens `/v2/` at the registry, and nothing else. What is returned here is laid over the token's own claims.
"""

from authentik.providers.oauth2.models import OAuth2Provider

USER_EXPIRES = "goauthentik.io/user/expires"


def keep_user(user, until):
    """Lets the user live as long as the session.

    authentik makes it for the CI token and deletes it some time after that has run out, five minutes for GitHub, and
    all its sessions with it. A user that an administrator made has no such end, and gets none.
    """
    if user.attributes.get(USER_EXPIRES, until) < until:
        user.attributes[USER_EXPIRES] = until
        user.save()


try:
    document = trust_document()
    assertion = assertion_of(http_request.POST)
    if assertion is None or not request.user.is_active:
        raise Refused("only an active CI identity gets a session")
    source, texts = identify(document, document["session"]["application"], assertion, time.time())
    if not matching_rules(source, texts):
        raise Refused("no rule matches")
    kept = {name: texts[name] for name in document["session"]["claims"] if name in texts}
    audience = [document["session"]["audience"], OAuth2Provider.objects.get(name=document["application"]).client_id]
    try:
        keep_user(request.user, int(token.expires.timestamp()))
    except Exception as error:
        # The session is good all the same, until authentik cleans up.
        ak_logger.warning("a session may end with its CI token", error=type(error).__name__)
    return {"ci": {"source": source["slug"], "claims": kept}, "aud": audience, "access": []}
except Exception:
    return {}
