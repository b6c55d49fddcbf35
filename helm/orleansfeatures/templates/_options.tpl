{{- /* Options of the silos, as environment: what the ConfigMap holds and what rolls the silos when it changes. */}}
{{- define "orleansfeatures.options" -}}
DOTNET_EnableDiagnostics: "0"
TMPDIR: /tmp
ORLEANS_FEATURES_LISTEN: 0.0.0.0
ORLEANS_FEATURES_GRPC_PORT: {{ .Values.ports.grpc | quote }}
ORLEANS_FEATURES_HTTP_PORT: {{ .Values.ports.http | quote }}
ORLEANS_FEATURES_SILO_PORT: {{ .Values.ports.silo | quote }}
ORLEANS_FEATURES_GATEWAY_PORT: {{ .Values.ports.gateway | quote }}
ORLEANS_FEATURES_PARTITIONS: {{ .Values.cluster.partitions | quote }}
ORLEANS_FEATURES_POSTGRES_SCHEMA: {{ .Values.postgres.schema | quote }}
ORLEANS_FEATURES_DRAIN_LIMIT: {{ printf "%ds" (int .Values.drain.limitSeconds) }}
ORLEANS_FEATURES_LEAVE_GRACE: {{ printf "%ds" (int .Values.drain.leaveGraceSeconds) }}
ORLEANS_FEATURES_DASHBOARD: {{ .Values.options.dashboard | quote }}
ORLEANS_FEATURES_LOG_LEVEL: {{ .Values.options.logLevel }}
ORLEANS_FEATURES_KUBERNETES: {{ .Values.kubernetesHosting.enabled | quote }}
{{- if .Values.kubernetesHosting.enabled }}
ORLEANS_FEATURES_KUBERNETES_DELETE_PODS: {{ .Values.kubernetesHosting.deleteDefunctPods | quote }}
{{- end }}
{{- if or .Values.definitions.files .Values.definitions.existingConfigMap }}
ORLEANS_FEATURES_DEFINITIONS: /etc/orleans-features/definitions
{{- end }}
{{- with .Values.options.memoryBudget }}
ORLEANS_FEATURES_MEMORY_BUDGET: {{ . | quote }}
{{- end }}
{{- with .Values.options.entityMemoryBudget }}
ORLEANS_FEATURES_ENTITY_MEMORY_BUDGET: {{ . | quote }}
{{- end }}
{{- with .Values.options.entityIdle }}
ORLEANS_FEATURES_ENTITY_IDLE: {{ . | quote }}
{{- end }}
{{- with .Values.options.checkpointInterval }}
ORLEANS_FEATURES_CHECKPOINT_INTERVAL: {{ . | quote }}
{{- end }}
{{- with .Values.options.history }}
ORLEANS_FEATURES_HISTORY: {{ . | quote }}
{{- end }}
{{- with .Values.options.dedupeHorizon }}
ORLEANS_FEATURES_DEDUPE_HORIZON: {{ . | quote }}
{{- end }}
{{- with .Values.options.predictionHistory }}
ORLEANS_FEATURES_PREDICTION_HISTORY: {{ . | quote }}
{{- end }}
{{- with .Values.options.maxLookups }}
ORLEANS_FEATURES_MAX_LOOKUPS: {{ printf "%d" (int .) | quote }}
{{- end }}
{{- with .Values.options.maxPushes }}
ORLEANS_FEATURES_MAX_PUSHES: {{ printf "%d" (int .) | quote }}
{{- end }}
{{- with .Values.options.callsPerConnection }}
ORLEANS_FEATURES_CALLS_PER_CONNECTION: {{ printf "%d" (int .) | quote }}
{{- end }}
{{- with .Values.options.shedAfter }}
ORLEANS_FEATURES_SHED_AFTER: {{ . | quote }}
{{- end }}
{{- with .Values.options.corsOrigins }}
ORLEANS_FEATURES_CORS_ORIGINS: {{ join "," . | quote }}
{{- end }}
{{- with .Values.options.startTimeout }}
ORLEANS_FEATURES_START_TIMEOUT: {{ . | quote }}
{{- end }}
{{- with .Values.options.backfillProducers }}
ORLEANS_FEATURES_BACKFILL_PRODUCERS: {{ join "," . | quote }}
{{- end }}
{{- if .Values.eventHubs.enabled }}
ORLEANS_FEATURES_EVENT_HUBS_NAME: {{ .Values.eventHubs.name | quote }}
ORLEANS_FEATURES_EVENT_HUBS_CONSUMER_GROUP: {{ .Values.eventHubs.consumerGroup | quote }}
{{- with .Values.eventHubs.stream }}
ORLEANS_FEATURES_EVENT_HUBS_STREAM: {{ . | quote }}
{{- end }}
{{- if eq .Values.eventHubs.auth "workloadIdentity" }}
ORLEANS_FEATURES_EVENT_HUBS_NAMESPACE: {{ .Values.eventHubs.namespace | quote }}
{{- end }}
{{- end }}
{{- end }}
