{{- define "orleansfeatures.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* At most 48 characters, so that the longest suffix that the chart adds (-test-readiness) still fits the 63 of a DNS label. */}}
{{- define "orleansfeatures.fullname" -}}
{{- $name := include "orleansfeatures.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "orleansfeatures.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "orleansfeatures.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "orleansfeatures.serviceId" -}}
{{- default (include "orleansfeatures.fullname" .) .Values.cluster.serviceId }}
{{- end }}

{{- define "orleansfeatures.clusterId" -}}
{{- default (include "orleansfeatures.fullname" .) .Values.cluster.clusterId }}
{{- end }}

{{- define "orleansfeatures.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* What a silo's pod is known by: never with a version or an id that a release could change, a Deployment's selector is fixed. */}}
{{- define "orleansfeatures.selector" -}}
app.kubernetes.io/name: {{ include "orleansfeatures.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: silo
{{- end }}

{{- /* Labels of every object of the release. Call with (list . "component"). */}}
{{- define "orleansfeatures.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "orleansfeatures.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: orleansfeatures
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- /* The label that admits a pod of the release's namespace as a client. */}}
{{- define "orleansfeatures.clientLabel" -}}
{{ include "orleansfeatures.fullname" . }}-client: "true"
{{- end }}

{{- define "orleansfeatures.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* How fast the number of silos may change: the same whoever changes it. */}}
{{- define "orleansfeatures.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: {{ .scaleUp.stabilizationSeconds }}
  policies:
    - type: Pods
      value: {{ .scaleUp.pods }}
      periodSeconds: {{ .scaleUp.periodSeconds }}
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDown.stabilizationSeconds }}
  policies:
    - type: Pods
      value: {{ .scaleDown.pods }}
      periodSeconds: {{ .scaleDown.periodSeconds }}
{{- end }}
