"""Scope mapping `docker-registry`: writes `access`, the intersection of what was requested and what is granted.

An assertion, a CI token or a session, gets what the rules of its source grant, and nothing through groups: since
authentik 2026.5 a claim of the token can choose the user. People and service accounts with a password of their own get
what their group grants: members of the push group push, pull and list everything, those of the pull group pull.
The policy cannot see which user a CI token will act as, so this checks whether that user is active.
"""

try:
    document = trust_document()
    asked = requested(http_request.POST.get("scope", ""))
    assertion = assertion_of(http_request.POST, request.context)
    if not request.user.is_active:
        raise Refused("the user is not active")
    rules, texts, everywhere = [], {}, set()
    if assertion is not None:
        source, texts = identify(document, document["application"], assertion, time.time())
        rules = matching_rules(source, texts)
        if not rules:
            raise Refused("no rule matches")
    elif ak_is_group_member(request.user, name=document["groups"]["push"]):
        everywhere = {"pull", "push", "catalog"}
    elif ak_is_group_member(request.user, name=document["groups"]["pull"]):
        everywhere = {"pull"}
    return {"access": grant(asked, rules, texts, everywhere)}
except Exception:
    return {"access": []}
