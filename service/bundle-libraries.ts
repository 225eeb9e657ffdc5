/** Makes libraries smaller: without this the bundle would be a third larger, and hardly fit. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Plugin, transform } from 'esbuild'

/** Shortens the names inside libraries; ours stay, so that a stack in the log can be read. */
export const shortenLibraries: Plugin = {
  name: 'shorten-libraries',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const { code } = await transform(text, {
        loader: 'js',
        target: 'node24',
        charset: 'utf8',
        legalComments: 'inline',
        minifyIdentifiers: true,
      })
      return { contents: code, loader: 'js' }
    })
  },
}

/**
 * undici brings its parser of HTTP/1 twice, one of them quicker where the processor has SIMD. The other runs anywhere,
 * and a few answers of authentik's a second need no quicker one.
 */
export const oneParser: Plugin = {
  name: 'one-parser',
  setup({ onResolve }) {
    onResolve({ filter: /\/llhttp_simd-wasm\.js$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.replace('llhttp_simd', 'llhttp')),
    }))
  },
}

/** undici's proxy agent brings a client of SOCKS; our configuration takes no such proxy. */
export const noSocks: Plugin = {
  name: 'no-socks',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]undici[\\/].*socks5-proxy-agent\.js$/ }, () => ({ contents: 'module.exports = undefined' }))
  },
}
