// A batch in, then a read that sees it. Load and thresholds: scenario "readable" of ../slo.yaml.
import { scenario } from './store.js';

export const { options, setup, readable } = scenario('readable');
