import type { CertificateKeyPair, CertificateKeyPairRequest } from '@goauthentik/api/dist/esm/index.js'
import { kind } from '../kind.ts'

/**
 * authentik stores PEM text without the white space around it, and the Terraform provider reads it back with one line
 * end, whatever the program sent: any other spelling is an update in each preview.
 */
const readBack = ({ data }: { data: string }): string => (data === '' ? '' : `${data}\n`)

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
  state: async ({ pk, name, privateKeyAvailable }, _prior, api) => {
    const certificate = await api.crypto.cryptoCertificatekeypairsViewCertificateRetrieve({ kpUuid: pk })
    const key = privateKeyAvailable
      ? await api.crypto.cryptoCertificatekeypairsViewPrivateKeyRetrieve({ kpUuid: pk })
      : { data: '' }
    return {
      name,
      certificateData: readBack(certificate),
      keyData: readBack(key),
    }
  },
  find: async (api, wanted) => {
    const { results } = await api.crypto.cryptoCertificatekeypairsList({ name: wanted.text('name') })
    return results[0]?.pk
  },
})
