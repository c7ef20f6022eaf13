/** The test kit: streaming programs on a virtual clock, with scripted input, recorded output and planned faults; and in simulated worlds. */
export { ManualClock } from '../base/clock.ts'
export type { FaultMatch, FaultPoint, SinkStep } from './faults.ts'
export { RecordedOutput, type RecordedRun } from './recorded-output.ts'
export { SIMULATED_FAULTS, type SimulatedFault } from './simulation/faults.ts'
export { type SimulationTotals, simulate } from './simulation/simulate.ts'
export { Simulation, type SimulationOptions } from './simulation/simulation.ts'
export type { SimulationEvent } from './simulation/world.ts'
export {
  type ConformanceCase,
  type SinkSubject,
  sinkConformance,
} from './sink-conformance.ts'
export type { SinkPlace } from './sink-trial.ts'
export { type FailingStream, type SourceSubject, sourceConformance } from './source-conformance.ts'
export type { SourcePlace } from './source-trial.ts'
export { type HeldTask, StreamTest, type StreamTestOptions } from './stream-test.ts'
export type { ScriptedBatches } from './test-input.ts'
export { TestReceiver } from './test-receiver.ts'
export { type UntilOptions, until } from './until.ts'
