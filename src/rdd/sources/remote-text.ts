/** Text files in another place as partitions of lines. */
import type { ChunkSource } from '../../data/chunk.ts'
import { capture } from '../functions/explicit.ts'
import type { SourceNode } from '../nodes.ts'
import type { ReadingPlace, RemoteFile, RemoteReader } from './remote-files.ts'
import { linesOf } from './remote-lines.ts'
import { sourceNode } from './source-node.ts'
import { splitTextFiles, type TextSplit } from './text-file.ts'

type FileOfSize = Omit<RemoteFile, 'modified'>

/** The files are cut as local ones are. */
export function remoteTextNode(
  place: ReadingPlace,
  files: readonly FileOfSize[],
  minPartitions: number,
  maxLineBytes: number,
): SourceNode {
  const splits = splitTextFiles(
    files.map(({ path, bytes }) => ({ path, size: bytes })),
    minPartitions,
  )
  const { reader, name } = place
  return sourceNode(
    'textFile',
    'TextFileRDD',
    splits,
    capture(
      { openRemoteLines, reader, name, maxLineBytes },
      (split: TextSplit): ChunkSource => openRemoteLines(reader(), name, split, maxLineBytes),
    ),
    split => split.start === split.end,
  )
}

/** @param name of the place, for messages */
export function openRemoteLines(
  reader: RemoteReader,
  name: string,
  split: TextSplit,
  maxLineBytes: number,
): ChunkSource<string> {
  return linesOf(split, { maxLineBytes, name }, (path, offset, end) => reader.stream(path, offset, end))
}
