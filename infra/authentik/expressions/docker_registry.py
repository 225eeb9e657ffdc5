"""Scope mapping `docker-registry`: writes `access`, the intersection of what was requested and what is granted.

An assertion, a CI token or a session, gets what the rules of its source grant, and nothing through groups: since
authentik 2026.5 a claim of the token can choose the user. People and service accounts with a password of their own get
what their group grants: members of the push group push, pull and list everything, those of the pull group pull.
The policy cannot see which user a CI token will act as, so this checks whether that user is active.

It also writes `sub`, over authentik's own: the registry names it in its log and its notifications. It is for people to
read, and nothing decides by it; what authentik knows the user by is in the session, whose `sub` stays.
"""

from urllib.parse import quote

# Characters of a name or a ref in `sub`, escapes included: the longest that platforms give are 255, and rarely 100.
MAX_ACTOR_PART = 256
ACTOR_RULES = 5  # as many as a line of the audit log names
CUT_OFF = quote("\u2026")
# Which claims name the job: its repository, its ref (the first that is there), its run, and the job within the run.
ACTOR_CLAIMS = {
    "github": ("repository", ("ref",), "run_id", "check_run_id"),
    "gitlab": ("project_path", ("ref_path", "ref"), "pipeline_id", "job_id"),
    "oidc": ("sub", (), "", ""),
}
SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")


def actor(source, texts, rules):
    """Who it is, from verified claims: `github:acme/app@refs/heads/main#run/job;rules=1,3`.

    What could be taken for one of its separators, and all but printable ASCII, is escaped as in a URL.
    """
    name_claim, ref_claims, run_claim, job_claim = ACTOR_CLAIMS[source["platform"]]
    name = texts.get(name_claim) or texts.get("sub", "")
    if source["platform"] == "oidc" and (account := SERVICE_ACCOUNT.fullmatch(name)):
        name = f"{account[1]}/{account[2]}"
    ref = next((texts[claim] for claim in ref_claims if texts.get(claim)), "")
    run, job = (actor_part(texts.get(claim, ""), safe="") for claim in (run_claim, job_claim))
    numbers = ",".join(str(rule["number"]) for rule in rules[:ACTOR_RULES])
    return (
        f"{source['slug']}:{actor_part(name) or '?'}"
        + (f"@{actor_part(ref)}" if ref else "")
        + (f"#{run}" if run else "")
        + (f"/{job}" if run and job else "")
        + f";rules={numbers}"
    )


def actor_part(text, safe="/:+"):
    escaped = ""
    for character in text:
        more = quote(character, safe, errors="replace")
        if len(escaped) + len(more) > MAX_ACTOR_PART:
            return escaped + CUT_OFF
        escaped += more
    return escaped


try:
    document = trust_document()
    asked = requested(http_request.POST.get("scope", ""))
    assertion = assertion_of(http_request.POST, request.context)
    if not request.user.is_active:
        raise Refused("the user is not active")
    rules, texts, everywhere = [], {}, set()
    subject = f"@{actor_part(request.user.username)}"  # no slug of a source begins like this
    if assertion is not None:
        source, texts = identify(document, document["application"], assertion, time.time())
        rules = matching_rules(source, texts)
        if not rules:
            raise Refused("no rule matches")
        subject = actor(source, texts, rules)
    elif ak_is_group_member(request.user, name=document["groups"]["push"]):
        everywhere = {"pull", "push", "catalog"}
    elif ak_is_group_member(request.user, name=document["groups"]["pull"]):
        everywhere = {"pull"}
    return {"access": grant(asked, rules, texts, everywhere), "sub": subject}
except Exception:
    return {"access": []}
