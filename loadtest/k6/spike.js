// Lookups and pushes whose rates rise eightfold in the middle of the run. Load and thresholds: scenario "spike" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, lookup, push } = scenario('spike');
