#!/bin/sh
# Kubelet credential provider (credentialprovider.kubelet.k8s.io/v1) for the registry @REGISTRY@.
#
# The kubelet asks it before a pull, with the token of the pod's own service account. The registry takes that token as
# the password of user JWT, so there is nothing to exchange and nothing to keep: what comes in goes out.
# The answer is for this registry alone, whatever image the pod names. Only shell builtins see the token, so that it
# never is in a list of processes.
set -eu
LC_ALL=C
export LC_ALL

# A request has about 3,000 bytes, 1,500 of them the token.
limit=16384

refuse() {
  printf 'credential provider for @REGISTRY@: %s\n' "$1" >&2
  exit 1
}

# A string in JSON has its line breaks and quotes escaped: deleting line breaks changes none, and what is looked for below
# cannot stand within one.
request=$(head -c "$((limit + 1))" | tr -d '\000\n\r')
[ "${#request}" -le "$limit" ] || refuse "the request has more than $limit bytes"

case $request in
  *'"apiVersion":"credentialprovider.kubelet.k8s.io/v1"'*) ;;
  *) refuse 'expected a request of credentialprovider.kubelet.k8s.io/v1; set that apiVersion for this provider' ;;
esac

key='"serviceAccountToken":"'
rest=${request#*"$key"}
[ "$rest" != "$request" ] || refuse 'the kubelet sent no token of a service account; set tokenAttributes for this provider'
case $rest in
  *"$key"*) refuse 'the request has more than one token' ;;
esac

token=${rest%%\"*}
case $token in
  *[!A-Za-z0-9._-]* | *..* | .* | *. | *.*.*.*) refuse 'the token of the service account is not a JWT' ;;
  *.*.*) ;;
  *) refuse 'the token of the service account is not a JWT' ;;
esac

printf '{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse",'
printf '"cacheKeyType":"Registry","cacheDuration":"0s","auth":{"@REGISTRY@":{"username":"JWT","password":"%s"}}}\n' "$token"
