/** The page at `/` as Chromium shows it, light and dark, narrow and wide. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pageAnswer } from '../../service/http/status-page.ts'
import { schemes, takePictures } from './chromium.ts'

const sizes = { narrow: '500,1350', wide: '1100,1250' }

export async function picturePage(folder: string): Promise<void> {
  // The name that the picture shows; the browser is led to this machine.
  const { headers, body } = pageAnswer({
    host: 'registry.example.com',
    authentikAnswers: true,
    keysMatch: true,
    hasRules: true,
  })
  const server = createServer((_, response) => response.writeHead(200, headers).end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  try {
    await takePictures(
      (Object.keys(schemes) as (keyof typeof schemes)[]).flatMap((scheme) =>
        Object.entries(sizes).map(([size, window]) => ({
          url,
          path: join(folder, `page-${scheme}-${size}.png`),
          window,
          scheme,
        })),
      ),
    )
  } finally {
    server.close()
  }
}
