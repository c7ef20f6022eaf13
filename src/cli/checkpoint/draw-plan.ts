/** What a restart would do, as a text of at most 80 columns. Pure: data in, text out. */
import {
  droppedBy,
  type InputPlan,
  type OperatorPlan,
  type RestartPlan,
} from '../../streaming/checkpoint/plan.ts'
import { grouped } from '../../ui/draw-table.ts'
import { countText, wrap } from './text.ts'

const MARK = 10

/** @param options.mayDrop whether the program may start without what does not match */
export function drawPlan(
  plan: RestartPlan,
  options: { readonly mayDrop: boolean; readonly notes: readonly string[] },
): string {
  const { operators, inputs, pending, refused, skipped, ended } = plan
  const parts = [wrap(plan.directory, '', 'checkpoint '), '\n']
  for (const operator of operators) parts.push(entry(operator.fate, operator.id, operatorText(operator)))
  for (const input of inputs) parts.push(entry(input.fate, input.id, inputText(input)))
  parts.push('\n')
  if (refused.length === 0)
    parts.push(
      wrap(
        pending.length === 0
          ? `Goes on after the batch at ${ended} ms; no batch runs again.`
          : `Goes on after the batch at ${ended} ms; ${countText(pending.length, 'batch', 'batches')} that had not ended ` +
              `${pending.length === 1 ? 'runs' : 'run'} again first.`,
        '',
      ),
    )
  if (plan.interval !== undefined)
    parts.push(
      wrap(
        `Batches of ${plan.interval.savedMs} ms were planned, those to come are of ${plan.interval.nowMs} ms.`,
        '',
      ),
    )
  for (const message of skipped) parts.push(wrap(message, '  ', 'done without: '))
  for (const note of options.notes) parts.push(wrap(note, ''))
  parts.push('\n', wrap(verdict(plan, options.mayDrop), ''))
  return parts.join('')
}

function entry(fate: string, id: string, text: string): string {
  return wrap(`${id}: ${text}`, ' '.repeat(MARK + 2), fate.padEnd(MARK))
}

function operatorText({
  kind,
  fate,
  from,
  keys,
  partitions,
  versions,
  reason,
  isNameless,
}: OperatorPlan): string {
  const state = from === undefined ? kind : `${kind}, ${grouped(keys ?? 0)} keys saved at ${from} ms`
  const nameless = isNameless ? '; found by its place in the program, since it has no uid' : ''
  switch (fate) {
    case 'kept':
      return `${state}${nameless}`
    case 'spread':
      return `${state}, from ${partitions?.saved} to ${countText(partitions?.now ?? 0, 'partition')}${nameless}`
    case 'migrated': {
      const spread =
        partitions === undefined
          ? ''
          : `, from ${partitions.saved} to ${countText(partitions.now, 'partition')}`
      return `${state}, from version ${versions?.saved} to ${versions?.now}${spread}${nameless}`
    }
    case 'new':
      return `${kind}, begins without state${isNameless ? '; give it a uid before it is saved' : ''}`
    case 'dropped':
    case 'restarted':
      return `${kind}; ${reason}`
  }
}

function inputText({ source, fate, lost }: InputPlan): string {
  if (fate === 'dropped') return 'input; the program does not have it'
  if (fate === 'new') return `input, ${source}; begins with the next batch`
  if (lost === undefined) return `input, ${source}`
  const records = lost.records === 0 ? 'what' : `${grouped(lost.records)} records that`
  return `input, ${source}; cannot be read again: ${records} it gave ${countText(lost.batches, 'batch', 'batches')} ${
    lost.records === 0 ? 'is' : 'are'
  } lost`
}

function verdict(plan: RestartPlan, mayDrop: boolean): string {
  const { refused } = plan
  const dropped = droppedBy(plan)
  if (refused.length > 0) return `Refused: ${refused.join('; ')}`
  if (dropped.length === 0) return 'The program goes on with everything that is saved.'
  const named = (those: typeof dropped): string => those.map(({ id }) => id).join(', ')
  if (mayDrop) return `The program goes on, and gives up for good: ${named(dropped)}.`
  const restarted = dropped.filter(({ fate }) => fate === 'restarted')
  const gone = dropped.filter(({ fate }) => fate === 'dropped')
  const why = [
    ...(gone.length === 0
      ? []
      : [`the program has no place for ${named(gone)}. Bring it back under its uid`]),
    ...(restarted.length === 0
      ? []
      : [`the windows of ${named(restarted)} would begin anew. Keep the batch interval`]),
  ]
  return `Refused: ${why.join('; ')}, or start with kindling.checkpoint.allowDrop=true to give it up for good.`
}
