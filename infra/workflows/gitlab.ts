/** A ready pipeline for GitLab CI. */
import { JWT_USER_NAME } from '../jwt-user-name.ts'

/**
 * The text of a `.gitlab-ci.yml` that builds an image and pushes it, with Docker or with Buildah.
 *
 * GitLab puts the job's token into the variable named under `id_tokens` (docs.gitlab.com, "ID token authentication").
 * It lives as long as the job may run.
 *
 * @param host the registry's public name
 * @param audience the audience that the registry expects; neither holds a `$` or a quote, as the configuration sees to
 */
export const gitlabCi = ({ host, audience }: { host: string; audience: string }): string => `\
# Builds an image and pushes it to the registry. No secret is stored anywhere: the job's own token is the credential.
# To be safe against a moved tag, pin each image to a digest: \`docker:29-cli@sha256:...\`.
.image:
  variables:
    REGISTRY: ${JSON.stringify(host)}
  id_tokens:
    REGISTRY_TOKEN:
      aud: ${JSON.stringify(audience)}
  before_script:
    # The name of an image is in lower case, the path of a project need not be.
    - IMAGE="$REGISTRY/$(echo "$CI_PROJECT_PATH" | tr '[:upper:]' '[:lower:]'):$CI_COMMIT_SHORT_SHA"

# With Docker, on runners that allow privileged containers.
image:
  extends: .image
  image: docker:29-cli
  services:
    - docker:29-dind
  script:
    - printf '%s' "$REGISTRY_TOKEN" | docker login --username ${JWT_USER_NAME} --password-stdin "$REGISTRY"
    - docker build --tag "$IMAGE" .
    - docker push "$IMAGE"

# With Buildah, which needs no Docker and no privileges: delete the job above and call this one \`image\`.
.image-with-buildah:
  extends: .image
  image: quay.io/buildah/stable:latest
  variables:
    STORAGE_DRIVER: vfs
    BUILDAH_ISOLATION: chroot
  script:
    - printf '%s' "$REGISTRY_TOKEN" | buildah login --username ${JWT_USER_NAME} --password-stdin "$REGISTRY"
    - buildah build --tag "$IMAGE" .
    - buildah push "$IMAGE"
`
