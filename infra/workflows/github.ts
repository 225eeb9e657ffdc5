/** A ready workflow for GitHub Actions. */
import { JWT_USER_NAME } from '../../service/config.ts'

/** How long one request for the job's token may take, in seconds; GitHub answers in under one. */
const REQUEST_SECONDS = 10
/**
 * Pauses between the five requests, in seconds. GitHub answers 403 for a moment in a young job, and 5xx on bad days.
 */
const PAUSES = '1 2 4 8'

/** How a workflow begins, up to its steps. @param pinned an action that it uses, as it looks when it is pinned */
export const workflowHead = (pinned: string): string => `\
# Builds an image and pushes it to the registry. No secret is stored anywhere: the job's own token is the credential.
# To be safe against a moved tag, pin each action to a commit: \`uses: ${pinned}\`.
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
`

/**
 * The text of a workflow that builds an image and pushes it to the registry.
 *
 * The job asks GitHub for a token of its own (docs.github.com, "OpenID Connect reference"). It lives five minutes, so
 * the image is built before the token is asked for, and the push finds everything in the builder's cache.
 *
 * @param host the registry's public name
 * @param audience the audience that the registry expects; the configuration allows neither `$` nor quotes in them
 */
export const githubWorkflow = ({ host, audience }: { host: string; audience: string }): string => `\
${workflowHead('docker/login-action@<commit> # v4')}\
    env:
      REGISTRY: ${JSON.stringify(host)}
    steps:
      - uses: actions/checkout@v7
      - name: Keep this job's login out of the runner's own Docker configuration
        run: |
          mkdir -p "$RUNNER_TEMP/docker-config"
          echo "DOCKER_CONFIG=$RUNNER_TEMP/docker-config" >> "$GITHUB_ENV"
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
          set -euo pipefail
          if [ -z "\${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ]; then
            echo "::error::This job may not ask GitHub for a token. Give it \\\`permissions: { id-token: write }\\\`; pull requests from forks get none."
            exit 1
          fi
          for pause in ${PAUSES} 0; do
            # The header goes through standard input: arguments can be read in the list of processes.
            if token=$(printf 'Authorization: bearer %s' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
              curl --fail --silent --show-error --max-time ${REQUEST_SECONDS} --header @- --get \\
                --data-urlencode "audience=$AUDIENCE" "$ACTIONS_ID_TOKEN_REQUEST_URL" |
              jq --exit-status --raw-output '.value | select(type == "string" and test("\\\\A[\\\\w.-]+\\\\z"))'); then
              echo "::add-mask::$token"
              echo "token=$token" >> "$GITHUB_OUTPUT"
              exit 0
            fi
            sleep "$pause"
          done
          echo "::error::GitHub gave this job no token in five tries; curl says above what came instead. Check \\\`permissions: { id-token: write }\\\` and githubstatus.com, then run the job again."
          exit 1
      - uses: docker/login-action@v4
        with:
          registry: \${{ env.REGISTRY }}
          username: ${JWT_USER_NAME}
          password: \${{ steps.token.outputs.token }}
          logout: true # when the job ends, however it ends
      - name: Push
        uses: docker/build-push-action@v7
        with:
          push: true
          tags: \${{ steps.image.outputs.name }}
`
