{{- /* Every template takes a dict of `root` (the chart's $) and `part` (web, query, bulk, setup, console or backup). */ -}}

{{- define "sightline.name" -}}
{{ .root.Release.Name | trunc 40 | trimSuffix "-" }}-{{ .part }}
{{- end }}

{{- define "sightline.selector" -}}
app.kubernetes.io/name: sightline
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "sightline.labels" -}}
{{ include "sightline.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "sightline.metadata" -}}
name: {{ include "sightline.name" . }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "sightline.labels" . | nindent 2 }}
{{- end }}

{{- define "sightline.gpu" -}}
{{- with index .root.Values .part }}{{ .gpu | default 0 }}{{ end -}}
{{- end }}

{{- define "sightline.image" -}}
{{- $variant := ternary "full" "lean" (gt (int (include "sightline.gpu" .)) 0) -}}
{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}-{{ $variant }}
{{- end }}

{{- define "sightline.environment" -}}
{{- $settings := dict "ALLOWED_HOSTS" .root.Values.host "CSRF_TRUSTED_ORIGINS" (printf "https://%s" .root.Values.host) }}
{{- $_ := merge $settings (dict "SITE_URL" (printf "https://%s" .root.Values.host) "HTTPS" "1" "TRUSTED_PROXIES" "1" "DATA_DIR" "/data") }}
{{- if gt (int (include "sightline.gpu" .)) 0 }}
{{- $_ := set $settings "DEVICE" "cuda" }}
{{- end }}
{{- if has .part (list "query" "bulk") }}
{{- $_ := set $settings "ALIVE_FILE" "/tmp/alive" }}
{{- end }}
{{- range $name, $value := mergeOverwrite $settings .root.Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
- name: HOME
  value: /tmp
{{- range list "SECRET_KEY" "DATABASE_URL" "REDIS_URL" }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.root.Values.secret }}, key: {{ . }}}}
{{- end }}
{{- $optional := list "DATABASE_READ_URL" "VECTOR_SHARDS" "SOURCE_S3_KEY_ID" "SOURCE_S3_SECRET" "BLOB_S3_KEY_ID" "BLOB_S3_SECRET" "BACKUP_S3_KEY_ID" "BACKUP_S3_SECRET" "HUB_TOKEN" "EMAIL_HOST_PASSWORD" "OIDC_CLIENT_SECRET" "LDAP_BIND_PASSWORD" "HF_TOKEN" "OTEL_EXPORTER_OTLP_HEADERS" }}
{{- range ternary (append $optional "ADMIN_PASSWORD") $optional (eq .part "setup") }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.root.Values.secret }}, key: {{ . }}, optional: true}}
{{- end }}
{{- end }}

{{- /* What every container has: the image, the environment, what it may use and write. */ -}}
{{- define "sightline.container" -}}
{{- $values := index .root.Values .part -}}
{{- $gpu := int (include "sightline.gpu" .) -}}
name: {{ .part }}
image: {{ include "sightline.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  {{- with .root.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  requests: {{- toYaml $values.resources.requests | nindent 4 }}
  limits: {{- toYaml $values.resources.limits | nindent 4 }}
    {{- if gt $gpu 0 }}
    nvidia.com/gpu: {{ $gpu }}
    {{- end }}
env:
  {{- include "sightline.environment" . | trim | nindent 2 }}
{{- end }}

{{- /* What every pod has: no rights, no token, its volumes; replicas of a part on different machines where there are several. */ -}}
{{- define "sightline.pod" -}}
{{- $values := index .root.Values .part -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if has .part (list "web" "query" "bulk") }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "sightline.selector" . | nindent 14 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "sightline.selector" . | nindent 8 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: data
    persistentVolumeClaim: {claimName: {{ .root.Values.claim }}}
  - name: tmp
    emptyDir: {}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
