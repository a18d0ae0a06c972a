{{/* The guard's rules about loaders, as variables and validations: policies/loaders.yaml has what they look for. */}}

{{/* Names of variables that the operator's configuration sets in loaders, as a list in CEL. */}}
{{- define "model-injector.loaders.ownVariables" -}}
{{- $loader := .Values.config.loader | default dict -}}
{{- $names := keys ($loader.env | default dict) -}}
{{- if $loader.proxy -}}
{{- $names = concat $names (list "HTTPS_PROXY" "NO_PROXY") -}}
{{- end -}}
{{ $names | sortAlpha | uniq | toJson }}
{{- end }}

{{/* Patterns of variables that other webhooks may set, as one regular expression; empty where there is none. */}}
{{- define "model-injector.loaders.allowedVariables" -}}
{{- $expressions := list -}}
{{- range (.Values.config.ownership | default dict).allowedEnv -}}
{{- $expressions = append $expressions (regexQuoteMeta . | replace "\\*" ".*" | replace "\\?" ".") -}}
{{- end -}}
{{- if $expressions -}}
{{ printf "(?s)^(%s)$" (join "|" $expressions) | toJson }}
{{- end -}}
{{- end }}

{{- define "model-injector.loaders.variables" -}}
{{- $rules := .Files.Get "policies/loaders.yaml" | fromYaml -}}
{{- $prefix := include "model-injector.annotationPrefix" . -}}
{{- $credentials := include "model-injector.policies.default" (dict "root" . "name" "credentials" "fallback" "pod-identity") -}}
{{- $allowed := include "model-injector.loaders.allowedVariables" . -}}
# What is loaded from S3 is downloaded; all else that has a loader is verified.
- name: downloads
  expression: >-
    variables.loading.filter(model, model.source.startsWith('s3://')).map(model, model.loader)
- name: loaderContainers
  expression: >-
    object.spec.?initContainers.orValue([]).filter(container, container.name in variables.loaders)
{{- range $rules.fields }}
- name: changed_{{ .field }}
  expression: >-
    variables.loaderContainers.filter(container, {{ .is }})
    .map(container, 'spec.initContainers[' + container.name + '].{{ .field }}')
{{- end }}
- name: weakened
  expression: >-
    {{- range $i, $rule := $rules.weaknesses }}
    {{ if $i }}+ {{ end }}variables.loaderContainers.filter(container, {{ .is }})
    .map(container, 'spec.initContainers[' + container.name + '].securityContext.{{ .field }}')
    {{- end }}
# The least of each loader, as below.
- name: steered
  expression: >-
    variables.loaderContainers.map(container, container.?env.orValue([])
    .filter(variable, variable.name.matches({{ $rules.variables | toJson }})
      && !(variable.name in {{ include "model-injector.loaders.ownVariables" . }})
      {{- if $allowed }}
      && !variable.name.matches({{ $allowed }})
      {{- end }})
    .map(variable, 'spec.initContainers[' + container.name + '].env[' + variable.name + ']'))
    .filter(fields, fields.size() > 0).map(fields, fields.min())
- name: misdirected
  expression: >-
    variables.loading.filter(model, variables.loaderContainers.exists(container, container.name == model.loader
      && (!container.?env.orValue([]).exists(variable, variable.name == 'MODEL_SOURCE')
        || container.env.exists(variable, variable.name == 'MODEL_SOURCE'
          && variable.?value.orValue('') != model.source))))
    .map(model, 'spec.initContainers[' + model.loader + '].env[MODEL_SOURCE]')
# The kubelet takes the last one of a name. The list in a list is a name for it: compared with all variables of a loader, each costs more.
- name: contradicting
  expression: >-
    variables.loaderContainers.map(container,
    [container.?env.orValue([]).filter(variable, variable.name.startsWith('MODEL_'))]
    .map(own, own.filter(variable, own.exists(other, other.name == variable.name
      && (other.?value.orValue('') != variable.?value.orValue('') || other.?valueFrom != variable.?valueFrom)))
    .map(variable, 'spec.initContainers[' + container.name + '].env[' + variable.name + ']'))[0])
    .filter(fields, fields.size() > 0).map(fields, fields.min())
# Another spelling of a path is no way around the next rule.
- name: misspelt
  expression: >-
    variables.loaderContainers.map(container, container.?volumeMounts.orValue([])
    .filter(mount, mount.mountPath.matches('//|(^|/)\\.\\.?(/|$)'))
    .map(mount, 'spec.initContainers[' + container.name + '].volumeMounts[' + mount.mountPath + ']'))
    .filter(fields, fields.size() > 0).map(fields, fields.min())
- name: protectedPaths
  expression: >-
    {{ $rules.protectedPaths | toJson }}
- name: tokenPaths
  expression: >-
    string(object.metadata.annotations[?'{{ $prefix }}credentials'].orValue({{ $credentials }})) == 'pod-identity'
    ? ['{{ $rules.token.directory }}/'] : ['']
# Paths end in a slash here, so that one begins with another only where it is at or below it.
- name: covered
  expression: >-
    variables.loaderContainers.map(container, container.?volumeMounts.orValue([])
    .filter(mount, !(
      (mount.mountPath == '{{ $rules.names.root }}' && !has(mount.subPath) && !has(mount.subPathExpr)
        && mount.?readOnly.orValue(false) != (container.name in variables.downloads)
        && variables.loading.exists(model, model.loader == container.name && (model.claim == ''
          ? model.volume == mount.name
          : object.spec.?volumes.orValue([]).exists(volume, volume.name == mount.name
            && volume.?persistentVolumeClaim.?claimName.orValue('') == model.claim))))
      || (mount.mountPath == '/tmp' && mount.name == '{{ $rules.names.tmp }}' && container.name in variables.downloads
        && !has(mount.subPath) && !has(mount.subPathExpr) && !mount.?readOnly.orValue(false))
      || (mount.mountPath == '{{ $rules.token.directory }}' && mount.name == '{{ $rules.token.volume }}'
        && !has(mount.subPath) && !has(mount.subPathExpr) && mount.?readOnly.orValue(false))))
    .map(mount, (mount.mountPath.startsWith('/') ? '' : '/') + mount.mountPath + (mount.mountPath.endsWith('/') ? '' : '/'))
    .filter(place, variables.protectedPaths.exists(path, place.startsWith(path) || path.startsWith(place))
      || (container.name in variables.downloads && variables.tokenPaths.exists(path,
        path != '' && (place.startsWith(path) || path.startsWith(place)))))
    .map(place, 'spec.initContainers[' + container.name + '].volumeMounts[' + place + ']'))
    .filter(fields, fields.size() > 0).map(fields, fields.min())
- name: listedContainers
  expression: >-
    variables.loading.map(model, model.containers.split(',').map(item, item.trim()))
- name: listedInitContainers
  expression: >-
    variables.initContainersOfPod.filter(name, variables.listedContainers.exists(names, name in names))
- name: late
  expression: >-
    variables.listedInitContainers.size() == 0 ? []
    : variables.loaderContainers.filter(container, variables.initContainersOfPod.indexOf(container.name)
      > variables.initContainersOfPod.indexOf(variables.listedInitContainers[0]))
    .map(container, 'spec.initContainers[' + container.name + ']')
- name: whoWrote
  expression: >-
    'It was written after the last pass of model-injector, or by hand: let the webhook that wrote it leave this container alone, '
    + 'or ask {{ .Values.guard.contact | default "the administrators of model-injector in this cluster" | include "model-injector.policies.text" }}.'
{{- end }}

{{- define "model-injector.loaders.validations" -}}
{{- $rules := .Files.Get "policies/loaders.yaml" | fromYaml -}}
{{- $prefix := include "model-injector.annotationPrefix" . -}}
{{- range $rules.fields }}
{{ include "model-injector.loaders.validation" (dict "variable" (printf "changed_%s" .field) "found" (printf "is not as model-injector writes it: %s." .consequence)) }}
{{- end }}
{{ include "model-injector.loaders.validation" (dict "variable" "weakened" "found" "makes the loader less restricted than model-injector writes it.") }}
{{ include "model-injector.loaders.validation" (dict "variable" "steered" "found" "steers the loader, whatever it was meant for." "exclusions" $rules.exclusions) }}
{{ include "model-injector.loaders.validation" (dict "variable" "misdirected" "found" (printf "is not the source that the annotation %ssource names." $prefix)) }}
{{ include "model-injector.loaders.validation" (dict "variable" "contradicting" "found" "is there twice, with different values.") }}
{{ include "model-injector.loaders.validation" (dict "variable" "misspelt" "found" "has an empty, . or .. segment.") }}
{{ include "model-injector.loaders.validation" (dict "variable" "covered" "found" "hides the program of the loader, its libraries, or what it writes to.") }}
{{ include "model-injector.loaders.validation" (dict "variable" "late" "found" (printf "is behind a container that %scontainers names, which would start without its model." $prefix)) }}
- expression: >-
    object.metadata.annotations[?'{{ $prefix }}service-account'].orValue(object.spec.?serviceAccountName.orValue(''))
    == object.spec.?serviceAccountName.orValue('')
  reason: Forbidden
  message: spec.serviceAccountName is not that of the annotation
  messageExpression: >-
    'spec.serviceAccountName is ' + object.spec.?serviceAccountName.orValue('empty') + ' and not '
    + string(object.metadata.annotations[?'{{ $prefix }}service-account'].orValue(''))
    + ', which the annotation {{ $prefix }}service-account names. ' + variables.whatToDo
{{- end }}

{{- define "model-injector.loaders.validation" -}}
- expression: variables.{{ .variable }}.size() == 0
  reason: Forbidden
  message: a loader was changed
  messageExpression: >-
    {{ include "model-injector.policies.first" .variable }} + ' {{ include "model-injector.policies.text" .found }} ' + variables.whoWrote
    {{- range .exclusions }}
    + (variables.{{ $.variable }}.min().matches({{ .field | toJson }}) ? {{ .text | toJson }} : '')
    {{- end }}
{{- end }}
