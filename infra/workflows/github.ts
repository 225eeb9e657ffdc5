/** A ready workflow for GitHub Actions. */
import { JWT_USER_NAME } from '../jwt-user-name.ts'

/**
 * The text of a workflow that builds an image and pushes it to the registry.
 *
 * The job asks GitHub for a token of its own (docs.github.com, "OpenID Connect reference"). It lives five minutes, so
 * the image is built before the token is asked for, and the push finds everything in the builder's cache.
 *
 * @param host the registry's public name
 * @param audience the audience that the registry expects; neither holds a `$` or a quote, as the configuration sees to
 */
export const githubWorkflow = ({ host, audience }: { host: string; audience: string }): string => `\
# Builds an image and pushes it to the registry. No secret is stored anywhere: the job's own token is the credential.
# To be safe against a moved tag, pin each action to a commit: \`uses: docker/login-action@<commit> # v4\`.
name: image
on:
  push:
    branches: [main]
permissions:
  contents: read
  id-token: write # lets the job ask GitHub for a token that says which job it is
jobs:
  push:
    runs-on: ubuntu-latest
    env:
      REGISTRY: ${JSON.stringify(host)}
    steps:
      - uses: actions/checkout@v7
      - uses: docker/setup-buildx-action@v4
      - name: Name the image after the repository, in lower case
        id: image
        run: echo "name=$REGISTRY/\${GITHUB_REPOSITORY,,}:\${GITHUB_SHA::12}" >> "$GITHUB_OUTPUT"
      - name: Build
        uses: docker/build-push-action@v7
        with:
          tags: \${{ steps.image.outputs.name }}
      - name: Ask GitHub for the job's token
        id: token
        env:
          AUDIENCE: ${JSON.stringify(audience)}
        run: |
          token=$(curl --fail --silent --show-error --retry 3 --get \\
            --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            --data-urlencode "audience=$AUDIENCE" "$ACTIONS_ID_TOKEN_REQUEST_URL" | jq --raw-output .value)
          echo "::add-mask::$token"
          echo "token=$token" >> "$GITHUB_OUTPUT"
      - uses: docker/login-action@v4
        with:
          registry: \${{ env.REGISTRY }}
          username: ${JWT_USER_NAME}
          password: \${{ steps.token.outputs.token }}
      - name: Push
        uses: docker/build-push-action@v7
        with:
          push: true
          tags: \${{ steps.image.outputs.name }}
`
