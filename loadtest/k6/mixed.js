// All operations at once. Load and thresholds: scenario "mixed" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, lookup, batch, observe, push, readable } = scenario('mixed');
