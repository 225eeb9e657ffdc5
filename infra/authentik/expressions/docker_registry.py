"""Scope mapping `docker-registry`: writes `access`, the intersection of what is asked and what is granted.

CI tokens and sessions get what the rules of their source grant; members of the push group push and pull everywhere,
members of the pull group pull. The policy runs as nobody, so whether the user is still active is looked at here.
"""

try:
    document = trust_document()
    asked = requested(http_request.POST.get("scope", ""))
    assertion = assertion_of(http_request.POST)
    rules, texts = [], {}
    if assertion is not None:
        source, texts = identify(document, document["application"], assertion, time.time())
        rules = matching_rules(source, texts)
        if not rules:
            raise Refused("no rule matches")
    if not request.user.is_active:
        raise Refused("the user is not active")
    everywhere = set()
    if ak_is_group_member(request.user, name=document["groups"]["push"]):
        everywhere = {"pull", "push"}
    elif ak_is_group_member(request.user, name=document["groups"]["pull"]):
        everywhere = {"pull"}
    return {"access": grant(asked, rules, texts, everywhere)}
except Exception:
    return {"access": []}
