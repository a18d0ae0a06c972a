{{/* Templates that the guard and the placement policy share. All of these are CEL, or are pasted into CEL. */}}

{{/* The operator's default of an annotation, as a CEL text; `fallback` is the product's own. (`default` would take false for unset.) */}}
{{- define "model-injector.policies.default" -}}
{{- $defaults := .root.Values.config.defaults | default dict -}}
{{ ternary (get $defaults .name) .fallback (hasKey $defaults .name) | toString | toJson }}
{{- end }}

{{/*
The models that a map of annotations asks for, each with what decides how it is delivered. A suffix with a second dot is no
model name; it keeps that dot, and so asks for parts that no pod can have.
*/}}
{{- define "model-injector.policies.models" -}}
{{- $prefix := include "model-injector.annotationPrefix" .root -}}
{{- $delivery := include "model-injector.policies.default" (dict "root" .root "name" "delivery" "fallback" "download") -}}
{{- $volume := include "model-injector.policies.default" (dict "root" .root "name" "volume" "fallback" "disk") -}}
{{ .annotations }}
.filter(key, key == '{{ $prefix }}source' || key.startsWith('{{ $prefix }}source.'))
.map(key, key.replace('{{ $prefix }}source', '', 1))
.map(suffix, {
  'key': suffix,
  'suffix': suffix.replace('.', '-', 1),
  'source': string({{ .annotations }}['{{ $prefix }}source' + suffix]),
  'delivery': string({{ .annotations }}[?'{{ $prefix }}delivery' + suffix].orValue({{ $delivery }})),
  'volume': string({{ .annotations }}[?'{{ $prefix }}volume' + suffix].orValue({{ $volume }})),
  'expect': string({{ .annotations }}[?'{{ $prefix }}expect' + suffix].orValue(''))
})
{{- end }}

{{/* The condition under which a column of policies/parts.yaml holds for `model`. */}}
{{- define "model-injector.policies.needs" -}}
{{- $column := .column -}}
{{- $conditions := list -}}
{{- range .root.Files.Get "policies/parts.yaml" | fromYamlArray -}}
{{- $needs := get . $column -}}
{{- if eq $needs "true" -}}
{{- $conditions = append $conditions (printf "(%s)" .is) -}}
{{- else if ne $needs "false" -}}
{{- $conditions = append $conditions (printf "(%s && (%s))" .is $needs) -}}
{{- end -}}
{{- end -}}
{{ join " ||\n" $conditions }}
{{- end }}

{{/*
The least of a list of texts and how many more there are. Maps have no order in CEL, and events are only counted together
where their messages are the same.
*/}}
{{- define "model-injector.policies.first" -}}
variables.{{ . }}.min() + (variables.{{ . }}.size() > 1 ? ' (and ' + string(variables.{{ . }}.size() - 1) + ' more)' : '')
{{- end }}

{{/* Text inside a CEL literal in single quotes. */}}
{{- define "model-injector.policies.text" -}}
{{ . | replace "\\" "\\\\" | replace "'" "\\'" | replace "\n" " " }}
{{- end }}

{{/* Workloads with annotations of ours, as the policies for their authors look at them. */}}
{{- define "model-injector.policies.workloads" -}}
{{- $prefix := include "model-injector.annotationPrefix" . -}}
matchConstraints:
  resourceRules:
    - apiGroups: [apps]
      apiVersions: [v1]
      operations: [CREATE, UPDATE]
      resources: [deployments, statefulsets, daemonsets, replicasets]
      scope: Namespaced
    - apiGroups: [batch]
      apiVersions: [v1]
      operations: [CREATE, UPDATE]
      resources: [jobs, cronjobs]
      scope: Namespaced
    - apiGroups: ['']
      apiVersions: [v1]
      operations: [CREATE, UPDATE]
      resources: [replicationcontrollers]
      scope: Namespaced
  namespaceSelector:
    {{- include "model-injector.namespaceSelector" . | nindent 4 }}
# `dyn`, because one expression covers kinds of different shapes.
matchConditions:
  - name: annotated
    expression: >-
      [
        dyn(object).metadata.?annotations,
        dyn(object).spec.?template.?metadata.?annotations,
        dyn(object).spec.?jobTemplate.?metadata.?annotations,
        dyn(object).spec.?jobTemplate.?spec.?template.?metadata.?annotations
      ].exists(annotations, annotations.orValue({}).exists(key, key.startsWith('{{ $prefix }}')))
  # Controllers do not act on warnings; these would only fill their logs.
  - name: not-made-by-a-controller
    expression: >-
      !dyn(object).metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false)) &&
      !request.userInfo.?username.orValue('').startsWith('system:serviceaccount:kube-system:')
  - name: not-opted-out
    expression: >-
      [dyn(object).spec.?template, dyn(object).spec.?jobTemplate.?spec.?template].all(template,
      template.?metadata.?annotations[?'{{ $prefix }}inject'].orValue('') != 'false')
{{- end }}

{{/* Variables: the pod template of a workload, and what is written there. */}}
{{- define "model-injector.policies.writtenAnnotations" -}}
{{- $prefix := include "model-injector.annotationPrefix" . -}}
- name: place
  expression: >-
    has(dyn(object).spec.jobTemplate) ? 'spec.jobTemplate.spec.template' : 'spec.template'
- name: template
  expression: >-
    has(dyn(object).spec.jobTemplate) ? dyn(object).spec.jobTemplate.spec.template : dyn(object).spec.template
- name: annotations
  expression: variables.template.?metadata.?annotations.orValue({})
# `size.llama` is the name size with the suffix .llama.
- name: written
  expression: >-
    variables.annotations
    .filter(key, key.startsWith('{{ $prefix }}') && key != '{{ $prefix }}status')
    .map(key, key.replace('{{ $prefix }}', '', 1))
    .map(own, {'key': own, 'name': own.split('.')[0], 'suffix': own.substring(own.split('.')[0].size())})
{{- end }}
