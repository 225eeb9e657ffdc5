/** Workflow and pipeline that take their login from a tag of this project's repository: see ci/. */

/**
 * The texts for GitHub Actions and GitLab CI.
 *
 * @param host the registry's public name
 * @param audience the audience that the registry expects
 * @param ciSource `owner/repository@tag`
 */
export function fromSource({ host, audience }: { host: string; audience: string }, ciSource: string) {
  const [repository = '', tag = ''] = ciSource.split('@')
  const login = `https://raw.githubusercontent.com/${repository}/${tag}/ci/gitlab/templates/login.yml`
  const githubWorkflow = `\
# Builds an image and pushes it to the registry. No secret is stored anywhere: the job's own token is the credential.
# To be safe against a moved tag, pin each action to a commit: \`uses: docker/build-push-action@<commit> # v7\`.
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
    steps:
      - uses: actions/checkout@v7
      - uses: ${repository}/ci/github@${tag}
        id: login
        with: { registry: ${JSON.stringify(host)}, audience: ${JSON.stringify(audience)} }
      - uses: docker/setup-buildx-action@v4
      - uses: docker/build-push-action@v7
        with:
          push: true
          tags: \${{ steps.login.outputs.image }}:\${{ github.sha }}
`
  const gitlabCi = `\
# Builds an image and pushes it to the registry. No secret is stored anywhere: the job's own token is the credential.
include:
  - remote: ${JSON.stringify(login)}
    inputs: { registry: ${JSON.stringify(host)}, audience: ${JSON.stringify(audience)} }

push-image:
  extends: .registry-push-with-docker # or .registry-push-with-buildah, which needs no privileges
`
  return { githubWorkflow, gitlabCi }
}
