/**
 * Programs with every stateful operator, in worlds where everything fails, that give batches up, are changed while they are down, spill, and
 * get workers and lose them: nobody can tell from what they give.
 */
import { runs } from '../support/runs.ts'
import { itSimulates } from '../support/simulate-all.ts'

// In CI 600, and 400 of receivers.
const total = runs * 2
const part = Math.min(total, 100)

for (let first = 1; first <= total; first += part)
  itSimulates(
    'each record counts once, whatever happens',
    ['script', 'log', 'files'],
    { first, seeds: part },
    // Connections are those of receivers. That only the commit of a batch is lost, and its sink has it, is rare.
    {
      faultsWithout: ['disconnect'],
      circumstancesWithout: ['a batch could not be given up, since a sink had it'],
    },
  )
