/** A ready pipeline for GitLab CI. */
import { JWT_USER_NAME } from '../../service/config.ts'

/**
 * The text of a `.gitlab-ci.yml` that builds an image and pushes it, with Docker or with Buildah.
 *
 * GitLab puts the job's token into the variable named under `id_tokens` (docs.gitlab.com, "ID token authentication").
 * It lives as long as the job may run. No job is named after a keyword such as `image`: GitLab would read it as one.
 *
 * @param host the registry's public name
 * @param audience the audience that the registry expects; the configuration allows neither `$` nor quotes in them
 */
export const gitlabCi = ({ host, audience }: { host: string; audience: string }): string => `\
# Builds an image and pushes it to the registry. No secret is stored anywhere: the job's own token is the credential.
# To be safe against a moved tag, pin each image to a digest: \`docker:29-cli@sha256:...\`.
.passwordless:
  variables:
    REGISTRY: ${JSON.stringify(host)}
    # Beside the checkout, in the runner's temporary folder: a shared runner would keep a login in the usual place.
    DOCKER_CONFIG: \${CI_PROJECT_DIR}.tmp/registry-login-$CI_JOB_ID
    REGISTRY_AUTH_FILE: \${CI_PROJECT_DIR}.tmp/registry-login-$CI_JOB_ID/config.json
  id_tokens:
    REGISTRY_TOKEN:
      aud: ${JSON.stringify(audience)}
  before_script:
    - |
      if [ -z "\${REGISTRY_TOKEN:-}" ]; then
        echo "GitLab gave this job no token. Keep id_tokens in the job; it needs GitLab 15.7 or newer." >&2
        exit 1
      fi
    # The name of an image is in lower case, the path of a project need not be.
    - IMAGE="$REGISTRY/$(printf '%s' "$CI_PROJECT_PATH" | tr '[:upper:]' '[:lower:]'):$CI_COMMIT_SHORT_SHA"
    - (umask 077 && mkdir -p "$DOCKER_CONFIG")
  after_script:
    - rm -rf "$DOCKER_CONFIG"

# With Docker, on runners that allow privileged containers.
push-image:
  extends: .passwordless
  image: docker:29-cli
  services:
    - docker:29-dind
  script:
    - printf '%s' "$REGISTRY_TOKEN" | docker login --username ${JWT_USER_NAME} --password-stdin "$REGISTRY"
    - docker build --tag "$IMAGE" .
    - docker push "$IMAGE"

# With Buildah, which needs no Docker and no privileges: delete the job above and call this one \`push-image\`.
.push-image-with-buildah:
  extends: .passwordless
  image: quay.io/buildah/stable:latest
  variables:
    STORAGE_DRIVER: vfs
    BUILDAH_ISOLATION: chroot
  script:
    - printf '%s' "$REGISTRY_TOKEN" | buildah login --username ${JWT_USER_NAME} --password-stdin "$REGISTRY"
    - buildah build --tag "$IMAGE" .
    - buildah push "$IMAGE"
`
