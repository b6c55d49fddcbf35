// Many rows at a time. Load and thresholds: scenario "batch" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, batch } = scenario('batch');
