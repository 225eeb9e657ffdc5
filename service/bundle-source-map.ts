/**
 * Takes the libraries out of the bundle's source map: with them it would be more than half the size of the bundle. Our
 * names stay, which the code has in a short form: Node's stacks have those of the map.
 */
import { decode, encode, type SourceMapSegment } from '@jridgewell/sourcemap-codec'

/** A source map (ECMA-426), as esbuild writes it. */
interface SourceMap {
  version: number
  sources: string[]
  names: string[]
  mappings: string
}

/**
 * Leaves in a map only our own files; where a library's code begins, one entry says that there is no source, without
 * which a stack in it would be taken for what stands before it.
 * @param json a source map whose sources are paths
 */
export function withoutLibraries(json: string): string {
  const map: SourceMap = JSON.parse(json)
  const isOurs = map.sources.map((path) => !path.includes('node_modules/'))
  const sources = map.sources.filter((_, index) => isOurs[index])
  const newIndex = map.sources.map((path) => sources.indexOf(path))
  const names: string[] = []
  const nameIndex = new Map<number, number>()
  const nameOf = (index: number) => {
    const known = nameIndex.get(index) ?? names.push(map.names[index] ?? '') - 1
    nameIndex.set(index, known)
    return known
  }
  let mapped = false
  const keep = (segment: SourceMapSegment): SourceMapSegment[] => {
    const [column] = segment
    if (segment.length !== 1 && isOurs[segment[1]]) {
      const [, source, line, originalColumn, name] = segment
      mapped = true
      const position = [column, newIndex[source] ?? 0, line, originalColumn] as const
      return name === undefined ? [[...position]] : [[...position, nameOf(name)]]
    }
    if (!mapped) return []
    mapped = false
    return [[column]]
  }
  const mappings = encode(decode(map.mappings).map((segments) => segments.flatMap(keep)))
  return JSON.stringify({ version: map.version, sources, names, mappings })
}
