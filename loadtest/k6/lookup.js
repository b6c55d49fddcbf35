// One row at a time. Load and thresholds: scenario "lookup" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, lookup } = scenario('lookup');
