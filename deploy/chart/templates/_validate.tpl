{{/* Problems that the schema cannot express, all in one message. */}}
{{- define "model-injector.validate" -}}
{{- $problems := list -}}
{{- $profile := .Values.webhook.failureProfile -}}
{{- if and (eq $profile "ignore-guarded") (not (and .Values.guard.enabled (has "Deny" .Values.guard.validationActions))) -}}
{{- $problems = append $problems "webhook.failureProfile is ignore-guarded, but the guard refuses nothing: set guard.enabled to true and guard.validationActions to [Deny], or choose the profile ignore if pods may start without their model" -}}
{{- end -}}
{{- if and (eq $profile "ignore") .Values.guard.enabled (has "Deny" .Values.guard.validationActions) -}}
{{- $problems = append $problems "webhook.failureProfile is ignore, but the guard would refuse what it lets pass: set guard.enabled to false or guard.validationActions to [Warn], or choose the profile ignore-guarded" -}}
{{- end -}}
{{- with .Values.certificates -}}
{{- if and .secretName .certManager.issuerRef.name -}}
{{- $problems = append $problems "certificates.secretName and certificates.certManager.issuerRef.name are both set: the certificate comes from one of them" -}}
{{- end -}}
{{- if and .secretName (not .caBundle) (not (include "model-injector.caIsInjected" $)) -}}
{{- $problems = append $problems "certificates.secretName is set without certificates.caBundle: the API server could not verify the webhook; give the PEM of the CA, or let cainjector fill it in by an annotation cert-manager.io/inject-ca-from-secret in webhook.annotations" -}}
{{- end -}}
{{- if and .caBundle (not (contains "-----BEGIN CERTIFICATE-----" .caBundle)) -}}
{{- $problems = append $problems "certificates.caBundle is no PEM: it has to contain -----BEGIN CERTIFICATE-----, not its base64 encoding" -}}
{{- end -}}
{{- end -}}
{{- if eq (int .Values.ports.webhook) (int .Values.ports.health) -}}
{{- $problems = append $problems (printf "ports.webhook and ports.health are both %d" (int .Values.ports.webhook)) -}}
{{- end -}}
{{- range .Values.env -}}
{{- if eq .name "MODEL_INJECTOR_LOADER_IMAGE" -}}
{{- $problems = append $problems "env sets MODEL_INJECTOR_LOADER_IMAGE, which is the image of image.*: to have loaders run another one, set config.defaults.image" -}}
{{- end -}}
{{- if regexMatch "^(NODE|LD|SSL|OPENSSL)_" .name -}}
{{- $problems = append $problems (printf "env sets %s, which the start of the image drops: set resources for memory and CPU; the webhook trusts no authorities but that of the API server" .name) -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end }}

{{- define "model-injector.caIsInjected" -}}
{{- range $key := list "inject-ca-from" "inject-ca-from-secret" "inject-apiserver-ca" -}}
{{- if hasKey $.Values.webhook.annotations (printf "cert-manager.io/%s" $key) -}}true{{- end -}}
{{- end -}}
{{- end }}
