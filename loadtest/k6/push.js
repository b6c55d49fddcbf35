// Batches of events in. Load and thresholds: scenario "push" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, push } = scenario('push');
