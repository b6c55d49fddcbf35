// PromQL by Prometheus's own grammar, so that a query that Prometheus would refuse is found here.
import {parser} from '@prometheus-io/lezer-promql';

/** Where a query is not PromQL; empty when it is. */
export function syntaxErrorsIn(query) {
  const places = [];
  parser.parse(query).iterate({enter: node => void (node.type.isError && places.push(`at character ${node.from}`))});
  return places;
}

/** The metrics that a query asks for. */
export function metricsIn(query) {
  const names = [];
  parser.parse(query).iterate({
    enter(node) {
      if (node.name !== 'VectorSelector') return;
      const name = node.node.getChild('Identifier');
      if (name) names.push(query.slice(name.from, name.to));
    },
  });
  return names;
}
