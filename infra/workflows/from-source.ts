/** Workflow and pipeline that take their login from a tag of this project's repository: see ci/. */
import { workflowHead } from './github.ts'

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
${workflowHead('docker/build-push-action@<commit> # v7')}\
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
