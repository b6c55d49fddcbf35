{{- /* Environment of a silo that a ConfigMap cannot hold: the pod's own facts, and secrets by reference. */}}
{{- define "orleansfeatures.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- /* Read by Orleans's Kubernetes hosting; from the labels, so that the two cannot differ. */}}
- name: ORLEANS_SERVICE_ID
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['orleans/serviceId']"}}
- name: ORLEANS_CLUSTER_ID
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['orleans/clusterId']"}}
- name: ORLEANS_FEATURES_SERVICE_ID
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['orleans/serviceId']"}}
- name: ORLEANS_FEATURES_CLUSTER_ID
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['orleans/clusterId']"}}
- name: ORLEANS_FEATURES_POSTGRES
  valueFrom: {secretKeyRef: {name: {{ .Values.postgres.existingSecret | quote }}, key: {{ .Values.postgres.key | quote }}}}
- name: ORLEANS_FEATURES_REDIS
  valueFrom: {secretKeyRef: {name: {{ .Values.redis.existingSecret | quote }}, key: {{ .Values.redis.key | quote }}}}
{{- if and .Values.eventHubs.enabled (eq .Values.eventHubs.auth "connectionString") }}
- name: ORLEANS_FEATURES_EVENT_HUBS
  valueFrom: {secretKeyRef: {name: {{ .Values.eventHubs.existingSecret | quote }}, key: {{ .Values.eventHubs.key | quote }}}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
