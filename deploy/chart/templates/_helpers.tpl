{{- define "model-injector.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* At most 50 characters, so that a suffix fits into the 63 of a DNS label. */}}
{{- define "model-injector.fullname" -}}
{{- $name := include "model-injector.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* Immutable in a Deployment: an upgrade may never change it. */}}
{{- define "model-injector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "model-injector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "model-injector.releaseLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of the operator's choice never replace ours. */}}
{{- define "model-injector.labels" -}}
{{- $selector := include "model-injector.selectorLabels" . | fromYaml -}}
{{- $release := include "model-injector.releaseLabels" . | fromYaml -}}
{{- merge $selector $release .Values.commonLabels | toYaml -}}
{{- end }}

{{/* Labels of the pod for `helm test`, which the Service does not select. */}}
{{- define "model-injector.testLabels" -}}
app.kubernetes.io/name: {{ include "model-injector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end }}

{{- define "model-injector.image" -}}
{{- with .Values.image -}}
{{- if and .digest .tag -}}
{{ .repository }}:{{ .tag }}@{{ .digest }}
{{- else if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "model-injector.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "model-injector.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "model-injector.tlsSecretName" -}}
{{ .Values.certificates.secretName | default (printf "%s-tls" (include "model-injector.fullname" .)) }}
{{- end }}

{{- define "model-injector.annotationPrefix" -}}
{{ .Values.config.annotationPrefix | default "models.example.io/" }}
{{- end }}

{{/* The operator's configuration, plus the version of the cluster. */}}
{{- define "model-injector.config" -}}
{{- $cluster := deepCopy (.Values.config.cluster | default dict) -}}
{{- $_ := set $cluster "version" ($cluster.version | default .Capabilities.KubeVersion.Version) -}}
{{- toYaml (merge (dict "cluster" $cluster) .Values.config) -}}
{{- end }}
