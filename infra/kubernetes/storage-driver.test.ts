import { describe, expect, it } from 'vitest'
import { storageDriver } from './storage-driver.ts'
import { storageSetting } from './storage-setting.ts'

const driverFor = (setting: unknown) => storageDriver(storageSetting.schema.parse(setting))

describe('a volume', () => {
  it('is a folder that one pod uses, and calls nothing', () => {
    expect(driverFor({})).toMatchObject({
      driver: { filesystem: { rootdirectory: '/var/lib/registry' } },
      isShared: false,
      redirect: false,
      calls: [],
      asksNode: false,
    })
  })
})

describe('s3', () => {
  it('at Amazon takes the identity of the service account', () => {
    const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/registry' }
    const found = driverFor({ s3: { bucket: 'images', region: 'eu-central-1', serviceAccountAnnotations: role } })
    expect(found).toMatchObject({
      driver: { s3: { bucket: 'images', region: 'eu-central-1', forcepathstyle: false } },
      isShared: true,
      redirect: false,
      env: [],
      accountAnnotations: role,
      calls: ['https://images.s3.eu-central-1.amazonaws.com', expect.stringMatching(/^https:/)],
      asksNode: true,
      inWords: 'bucket images (s3)',
    })
    expect(found.driver.s3).not.toHaveProperty('regionendpoint')
  })

  it('has the smallest parts in memory that it takes, as Google has', () => {
    const gcs = driverFor({ gcs: { bucket: 'images' } })
    const found = driverFor({ s3: { bucket: 'images', region: 'eu-central-1' } })
    expect([found.driver.s3?.chunksize, gcs.driver.gcs?.chunksize]).toEqual([5 * 2 ** 20, 5 * 2 ** 20])
  })

  it('elsewhere has an endpoint, the bucket in the path, and keys from a Secret', () => {
    const s3 = {
      bucket: 'images',
      region: 'garage',
      endpoint: 'http://s3.storage.svc:9000/',
      secret: 'keys',
      prefix: 'a/b',
    }
    expect(driverFor({ s3 })).toMatchObject({
      driver: {
        s3: {
          bucket: 'images',
          region: 'garage',
          regionendpoint: 'http://s3.storage.svc:9000',
          secure: false,
          forcepathstyle: true,
          rootdirectory: 'a/b',
        },
      },
      env: [
        { name: 'AWS_ACCESS_KEY_ID', valueFrom: { secretKeyRef: { name: 'keys', key: 'AWS_ACCESS_KEY_ID' } } },
        { name: 'AWS_SECRET_ACCESS_KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'AWS_SECRET_ACCESS_KEY' } } },
      ],
      calls: ['http://s3.storage.svc:9000'],
      asksNode: false,
      inWords: 'bucket images, a/b/ (s3)',
    })
  })

  it('has the bucket in the name where the stack says so', () => {
    const s3 = { bucket: 'images', region: 'r', endpoint: 'https://s3.example.com', secret: 'k', pathStyle: false }
    expect(driverFor({ s3 }).driver.s3).toMatchObject({ forcepathstyle: false, secure: true })
  })

  it('sends clients to the bucket where the stack says so', () => {
    expect(driverFor({ s3: { bucket: 'images', region: 'eu-central-1', redirect: true } }).redirect).toBe(true)
  })
})

describe('gcs', () => {
  it('reads the key file of a Secret', () => {
    expect(driverFor({ gcs: { bucket: 'images', secret: 'key' } })).toMatchObject({
      driver: { gcs: { bucket: 'images', keyfile: '/etc/distribution-credentials/key.json' } },
      volumes: [{ secret: { secretName: 'key', items: [{ key: 'key.json', path: 'key.json' }] } }],
      volumeMounts: [{ mountPath: '/etc/distribution-credentials', readOnly: true }],
      asksNode: false,
    })
  })

  it('takes the identity of the service account', () => {
    const serviceAccountAnnotations = { 'iam.gke.io/gcp-service-account': 'registry@acme.iam.gserviceaccount.com' }
    expect(driverFor({ gcs: { bucket: 'images', serviceAccountAnnotations } })).toMatchObject({
      driver: { gcs: { bucket: 'images' } },
      accountAnnotations: serviceAccountAnnotations,
      asksNode: true,
      calls: ['https://storage.googleapis.com', expect.anything()],
    })
  })
})

describe('azure', () => {
  it('takes the identity of the service account, for which pods need a label', () => {
    expect(driverFor({ azure: { account: 'acme', container: 'images' } })).toMatchObject({
      driver: {
        azure: {
          accountname: 'acme',
          container: 'images',
          serviceurl: 'https://acme.blob.core.windows.net',
          credentials: { type: 'default_credentials' },
        },
      },
      podLabels: { 'azure.workload.identity/use': 'true' },
      inWords: 'container acme/images (azure)',
    })
  })

  it('reads the account key of a Secret', () => {
    expect(driverFor({ azure: { account: 'acme', container: 'images', secret: 'key' } })).toMatchObject({
      driver: { azure: { credentials: { type: 'shared_key' } } },
      env: [
        {
          name: 'REGISTRY_STORAGE_AZURE_ACCOUNTKEY',
          valueFrom: { secretKeyRef: { name: 'key', key: 'AZURE_STORAGE_KEY' } },
        },
      ],
      podLabels: {},
    })
  })
})
