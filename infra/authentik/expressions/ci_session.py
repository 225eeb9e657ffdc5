"""Scope mapping `ci-session`: writes `ci`, the verified claims that the rules need, and the source they came from.

The rules are held against these claims at each exchange, as the rules are then; so a session can do no more than the CI
token could, and one whose rule is gone can do nothing.
"""

try:
    document = trust_document()
    assertion = assertion_of(http_request.POST)
    if assertion is None or not request.user.is_active:
        raise Refused("only an active CI identity gets a session")
    source, texts = identify(document, document["session"]["application"], assertion, time.time())
    if not matching_rules(source, texts):
        raise Refused("no rule matches")
    kept = {name: texts[name] for name in document["session"]["claims"] if name in texts}
    return {"ci": {"source": source["slug"], "claims": kept}}
except Exception:
    return {}
