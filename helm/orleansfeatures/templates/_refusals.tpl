{{- /*
What the schema of the values cannot say: rules between values, and between a release and the one before it.
Each message names the value and the way out. The Deployment includes it, so it is asked once for every rendering.
*/}}
{{- define "orleansfeatures.refusals" -}}
{{- $v := .Values }}

{{- if not $v.postgres.existingSecret }}
{{- fail "postgres.existingSecret is empty: make a Secret with an Npgsql connection string and name it" }}
{{- end }}
{{- if not $v.redis.existingSecret }}
{{- fail "redis.existingSecret is empty: make a Secret with a StackExchange.Redis configuration and name it" }}
{{- end }}

{{- if and $v.autoscaling.enabled $v.keda.enabled }}
{{- fail "autoscaling.enabled and keda.enabled are both true: two autoscalers would fight over one number of silos. Set autoscaling.enabled=false; KEDA's ScaledObject scales on CPU too, by autoscaling.cpuUtilization" }}
{{- end }}
{{- if or $v.autoscaling.enabled $v.keda.enabled }}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) }}
{{- fail (printf "autoscaling.minReplicas (%d) is above autoscaling.maxReplicas (%d)" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if gt (int $v.autoscaling.maxReplicas) (int $v.cluster.partitions) }}
{{- fail (printf "autoscaling.maxReplicas (%d) is above cluster.partitions (%d): a silo without a partition serves nothing" (int $v.autoscaling.maxReplicas) (int $v.cluster.partitions)) }}
{{- end }}
{{- if not (dig "requests" "cpu" "" $v.resources) }}
{{- fail "resources.requests.cpu is empty: scaling on CPU is a percentage of it" }}
{{- end }}
{{- else if gt (int $v.replicas) (int $v.cluster.partitions) }}
{{- fail (printf "replicas (%d) is above cluster.partitions (%d): a silo without a partition serves nothing" (int $v.replicas) (int $v.cluster.partitions)) }}
{{- end }}

{{- if $v.keda.enabled }}
{{- if and (eq $v.keda.lag.source "prometheus") (not $v.keda.lag.prometheus.serverAddress) }}
{{- fail "keda.lag.prometheus.serverAddress is empty: give the address of the Prometheus that scrapes the silos, or set keda.lag.source=postgresql" }}
{{- end }}
{{- if and (eq $v.keda.lag.source "postgresql") (not $v.keda.lag.postgresql.existingSecret) }}
{{- fail "keda.lag.postgresql.existingSecret is empty: make a Secret with a postgresql:// address for KEDA and name it, or set keda.lag.source=prometheus" }}
{{- end }}
{{- end }}

{{- if ge (int $v.drain.leaveGraceSeconds) (int $v.drain.limitSeconds) }}
{{- fail (printf "drain.leaveGraceSeconds (%d) leaves nothing of drain.limitSeconds (%d) for the drain itself" (int $v.drain.leaveGraceSeconds) (int $v.drain.limitSeconds)) }}
{{- end }}

{{- if $v.eventHubs.enabled }}
{{- if not $v.eventHubs.name }}
{{- fail "eventHubs.name is empty: name the event hub" }}
{{- end }}
{{- if and (eq $v.eventHubs.auth "connectionString") (not $v.eventHubs.existingSecret) }}
{{- fail "eventHubs.existingSecret is empty: make a Secret with the connection string and name it, or set eventHubs.auth=workloadIdentity" }}
{{- end }}
{{- if and (eq $v.eventHubs.auth "workloadIdentity") (not $v.eventHubs.namespace) }}
{{- fail "eventHubs.namespace is empty: workloadIdentity needs the fully qualified namespace, for example my-namespace.servicebus.windows.net" }}
{{- end }}
{{- end }}

{{- if and $v.definitions.files $v.definitions.existingConfigMap }}
{{- fail "definitions.files and definitions.existingConfigMap are both given: which of them should the silos apply? Keep one" }}
{{- end }}

{{- $ports := list (int $v.ports.grpc) (int $v.ports.http) (int $v.ports.silo) (int $v.ports.gateway) }}
{{- if ne (len (uniq $ports)) 4 }}
{{- fail (printf "ports are not four different numbers: grpc %d, http %d, silo %d, gateway %d" (int $v.ports.grpc) (int $v.ports.http) (int $v.ports.silo) (int $v.ports.gateway)) }}
{{- end }}

{{- range $v.extraEnv }}
{{- if hasPrefix "ORLEANS_" .name }}
{{- fail (printf "extraEnv has %s: names that begin with ORLEANS_ are made from other values, see the chart's README" .name) }}
{{- end }}
{{- end }}

{{- /* What the release before said, where there is one and the cluster can be asked; `helm template` cannot. */}}
{{- $before := lookup "v1" "ConfigMap" .Release.Namespace (include "orleansfeatures.fullname" .) }}
{{- with dig "data" "ORLEANS_FEATURES_PARTITIONS" "" (default dict $before) }}
{{- if ne . (toString (int $v.cluster.partitions)) }}
{{- fail (printf "cluster.partitions is %d, but this store was created with %s: the number is fixed. Keep it, or fill a new store" (int $v.cluster.partitions) .) }}
{{- end }}
{{- end }}
{{- end }}
