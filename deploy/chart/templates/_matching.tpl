{{/* Selects the pods for the webhook and the policies alike. */}}

{{/* The webhook itself must be able to start, and kube-system must work without it. */}}
{{- define "model-injector.namespaceSelector" -}}
{{- with .Values.webhook.namespaceSelector.matchLabels -}}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{ end -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- concat (list "kube-system" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq | toYaml | nindent 6 }}
  {{- with .Values.webhook.namespaceSelector.matchExpressions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The match conditions of src/match-conditions.ts. */}}
{{- define "model-injector.matchConditions" -}}
{{- $prefix := include "model-injector.annotationPrefix" . -}}
- name: annotated
  expression: >-
    has(object.metadata.annotations) &&
    object.metadata.annotations.exists(key, key.startsWith('{{ $prefix }}'))
- name: not-opted-out
  expression: >-
    !('{{ $prefix }}inject' in object.metadata.annotations) ||
    object.metadata.annotations['{{ $prefix }}inject'] != 'false'
- name: not-a-mirror-pod
  expression: >-
    !('kubernetes.io/config.mirror' in object.metadata.annotations)
{{- end }}
