"""Who gets a token at all. It is bound to both applications; authentik expects True or False.

For an assertion only its verified claims count. The user that such a token acts as proves nothing: it does not exist
yet when this runs, and since authentik 2026.5 a claim can name an existing person. Groups are for people and service
accounts with a password of their own. Anything that is not understood is refused.
"""

try:
    document = trust_document()
    application = request.obj.slug
    if application not in (document["application"], document["session"]["application"]):
        raise Refused("the trust policy is bound to an application that it does not know")
    assertion = assertion_of(http_request.POST, request.context)
    verified = request.context.get("oauth_jwt")
    if assertion is None:
        if verified is not None:
            raise Refused("authentik verified a token where none was expected")
        groups = document["groups"].values()
        member = request.user.is_active and any(ak_is_group_member(request.user, name=group) for group in groups)
        if application != document["application"] or not member:
            raise Refused("only members of the push group and of the pull group get a token without a CI job")
        return True
    # The same decoding as in the mappings, which cannot see what authentik verified: this proves the two equal.
    if verified is None or verified != decode(assertion, options={"verify_signature": False}):
        raise Refused("the token is not the one that authentik verified")
    source, texts = identify(document, application, assertion, time.time())
    if not matching_rules(source, texts):
        raise Refused(f'no rule of source "{source["slug"]}" matches the claims of the token')
    return True
except Refused as refusal:
    ak_message(str(refusal))
    return False
except Exception as error:
    ak_message(f"the trust policy could not decide: {type(error).__name__}")
    return False
