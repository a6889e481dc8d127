{{- define "weir.labels" -}}
app.kubernetes.io/name: weir-control
app.kubernetes.io/part-of: weir
{{- end }}
{{- define "weir.selector" -}}
app.kubernetes.io/name: weir-control
{{- end }}
{{- define "weir.metadata" -}}
metadata:
  name: weir-control
  namespace: {{ .Values.namespace }}
  labels: {{- include "weir.labels" . | nindent 4 }}
{{- end }}
{{- /* Of one webhook: what both ask in the same way. */}}
{{- define "weir.webhook" -}}
rules:
  - operations: [CREATE]
    apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    scope: Namespaced
admissionReviewVersions: [v1]
failurePolicy: {{ .Values.webhook.failurePolicy }}
matchPolicy: Equivalent
reinvocationPolicy: IfNeeded
sideEffects: None
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
{{- end }}
{{- define "weir.excluded" -}}
{ key: kubernetes.io/metadata.name, operator: NotIn, values: {{ append .Values.webhook.excludedNamespaces .Values.namespace | uniq | toJson }} }
{{- end }}
{{- define "weir.probe" -}}
{{- if .Values.webhook.enabled -}}
httpGet: { scheme: HTTPS, port: https-webhook, path: /healthz }
{{- else -}}
exec: { command: [weir-control, status] }
{{- end }}
{{- end }}
