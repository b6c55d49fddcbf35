{{- /*
Lag by the tables: what is in the log beyond each partition's checkpoint. A partition that nobody has owned yet has no row
of its own and lags by all it has. An upper bound of the true lag: what is applied and not yet in a checkpoint counts too.
*/}}
{{- define "orleansfeatures.lagQuery" -}}
{{- $schema := .Values.postgres.schema -}}
SELECT coalesce(sum(head.next - 1 - coalesce(saved.applied, -1)), 0)::bigint
FROM {{ $schema }}.log_head CROSS JOIN LATERAL unnest(next_offsets) WITH ORDINALITY AS head(next, position)
LEFT JOIN {{ $schema }}.partitions AS saved ON saved.partition = head.position - 1
{{- end }}
