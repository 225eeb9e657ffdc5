import type { CertificateKeyPair, CertificateKeyPairRequest } from '@goauthentik/api/dist/esm/index.js'
import { kind } from '../kind.ts'

/** authentik stores PEM text without the white space around it; the program's spelling is kept if that is all. */
const samePem = (local: string, remote: string) => (local.trim() === remote.trim() ? local : remote)

export const certificateKeyPair = kind<CertificateKeyPairRequest, CertificateKeyPair>({
  defaults: {},
  request: (wanted) => ({
    name: wanted.text('name'),
    certificateData: wanted.text('certificateData'),
    ...wanted.given('keyData'),
  }),
  create: (api, certificateKeyPairRequest) => api.crypto.cryptoCertificatekeypairsCreate({ certificateKeyPairRequest }),
  read: (api, kpUuid) => api.crypto.cryptoCertificatekeypairsRetrieve({ kpUuid }),
  update: (api, kpUuid, certificateKeyPairRequest) =>
    api.crypto.cryptoCertificatekeypairsUpdate({ kpUuid, certificateKeyPairRequest }),
  delete: (api, kpUuid) => api.crypto.cryptoCertificatekeypairsDestroy({ kpUuid }),
  id: ({ pk }) => pk,
  state: async ({ pk, name, privateKeyAvailable }, prior, api) => {
    const certificate = await api.crypto.cryptoCertificatekeypairsViewCertificateRetrieve({ kpUuid: pk })
    const key = privateKeyAvailable
      ? await api.crypto.cryptoCertificatekeypairsViewPrivateKeyRetrieve({ kpUuid: pk })
      : { data: '' }
    return {
      name,
      certificateData: samePem(prior.text('certificateData'), certificate.data),
      keyData: samePem(prior.text('keyData'), key.data),
    }
  },
  find: async (api, wanted) => {
    const { results } = await api.crypto.cryptoCertificatekeypairsList({ name: wanted.text('name') })
    return results[0]?.pk
  },
})
