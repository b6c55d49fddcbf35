// All operations, for an hour. Load and thresholds: scenario "soak" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, lookup, batch, observe, push, readable } = scenario('soak');
