// One event in, the vector after it out. Load and thresholds: scenario "observe" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, observe } = scenario('observe');
