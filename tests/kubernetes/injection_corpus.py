# SPDX-License-Identifier: Apache-2.0
"""Manifests of the shapes that charts, tools and people write: each SHAPE in each DRESS."""

import json
import re

import yaml

SHAPES = {
    "chart": """
        # Source: shop/templates/deployment.yaml
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: release-shop
          labels:
            helm.sh/chart: shop-0.1.0
            app.kubernetes.io/name: shop
            app.kubernetes.io/version: "1.16.0"
        spec:
          replicas: 1
          selector:
            matchLabels: {app.kubernetes.io/name: shop}
          template:
            metadata:
              annotations:
                checksum/config: 5b1e9e4f6b6f3c1e
                prometheus.io/scrape: "true"
                prometheus.io/port: "9102"
              labels:
                app.kubernetes.io/name: shop
            spec:
              serviceAccountName: release-shop
              securityContext: {}
              containers:
                - name: shop
                  securityContext: {}
                  image: "nginx:1.16.0"
                  imagePullPolicy: IfNotPresent
                  ports:
                    - name: http
                      containerPort: 80
                      protocol: TCP
                  livenessProbe:
                    httpGet: {path: /, port: http}
                  resources: {}
        """,
    "empty annotations": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: bare}
        spec:
          selector: {matchLabels: {app: bare}}
          template:
            metadata:
              annotations:
              labels: {app: bare}
            spec:
              initContainers: []
              volumes: ~
              containers: [{name: bare, image: 'bare:1'}]
        """,
    "stateful": """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: db}
        spec:
          serviceName: db
          replicas: 3
          podManagementPolicy: Parallel
          selector: {matchLabels: {app: db}}
          template:
            metadata: {labels: {app: db}}
            spec:
              terminationGracePeriodSeconds: 10
              initContainers:
              - name: chown
                image: busybox
                command: [sh, -c, 'chown -R 999:999 /data && chmod 0700 /data']
                volumeMounts: [{name: data, mountPath: /data}]
              containers:
              - name: db
                image: postgres:15
                env:
                - {name: PGDATA, value: /data/pg}
                - name: POD_NAME
                  valueFrom: {fieldRef: {fieldPath: metadata.name}}
                ports: [{containerPort: 5432, name: pg}]
                volumeMounts: [{name: data, mountPath: /data}]
                readinessProbe: {exec: {command: [pg_isready]}, initialDelaySeconds: 5}
          volumeClaimTemplates:
          - metadata: {name: data}
            spec:
              accessModes: [ReadWriteOnce]
              resources: {requests: {storage: 1Gi}}
        """,
    "cron": """
        apiVersion: batch/v1
        kind: CronJob
        metadata: {name: report}
        spec:
          schedule: "*/5 * * * *"
          concurrencyPolicy: Forbid
          jobTemplate:
            spec:
              backoffLimit: 2
              template:
                spec:
                  restartPolicy: OnFailure
                  containers:
                  - name: report
                    image: report:2
                    args:
                    - /bin/sh
                    - -c
                    - |
                      set -e
                      for i in 1 2 3; do
                        curl -fsS http://shop/report?i=$i
                      done
        """,
    "job": """
        apiVersion: batch/v1
        kind: Job
        metadata: {generateName: migrate-}
        spec:
          ttlSecondsAfterFinished: 600
          template:
            metadata:
              name: migrate
            spec:
              restartPolicy: Never
              containers:
              - {name: migrate, image: 'migrate:1', command: [migrate, up], workingDir: /}
        """,
    "daemon": """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: logs, namespace: kube-logging}
        spec:
          selector: {matchLabels: {k8s-app: logs}}
          updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 10%}}
          template:
            metadata: {labels: {k8s-app: logs}}
            spec:
              tolerations:
              - {operator: Exists, effect: NoSchedule}
              containers:
              - name: fluentd
                image: fluentd:v1
                securityContext: {runAsUser: 0, privileged: true}
                volumeMounts:
                - {name: varlog, mountPath: /var/log, readOnly: true}
              volumes:
              - {name: varlog, hostPath: {path: /var/log, type: ''}}
        """,
    "pod": """
        apiVersion: v1
        kind: Pod
        metadata:
          name: curl
          annotations: {note: "yes", number: "0755", "on": "off"}
        spec:
          containers:
            - name: curl
              image: curlimages/curl
              command: ["sleep", "1e6"]
              env: [{name: EMPTY}, {name: TILDE, value: "~"}, {name: NULLISH, value: 'null'}]
        """,
    "anchors": """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: anchored
          labels: &labels {app: anchored, tier: &tier web}
        spec:
          selector: {matchLabels: *labels}
          template:
            metadata: {labels: *labels}
            spec:
              containers:
              - &base
                name: one
                image: one:1
                env: [{name: TIER, value: *tier}]
                resources: &small {limits: {cpu: 100m, memory: 64Mi}}
              - <<: *base
                name: two
                resources:
                  <<: *small
                  requests: {cpu: 50m}
        """,
    "scalars": """
        apiVersion: v1
        kind: Pod
        metadata:
          name: scalars
          annotations:
            folded: >-
              several lines
              are one

              but this
            kept: |+
              trailing lines

            indented: |2
                two more
               one more
            tabs: "a\\tb\\rc\\0d"
            unicode: grüße 日本 \U0001f600
            escaped: "\\u00e9\\U0001F600\\x41"
            single: 'it''s'
            long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccc
            colon: "a: b"
            hash: 'a # b'
            tagged: !!str 123
            ? key with spaces and more
            : value
            blanks: "  both  "
        spec:
          activeDeadlineSeconds: 0x10
          terminationGracePeriodSeconds: 017
          priority: 1_000
          containers:
          - {name: x, image: x, command: ["", " ", "-", "---", "...", "!", "&a", "*b", "%c", "@d", "`e"]}
          volumes:
          - {name: secret, secret: {secretName: s, defaultMode: 0400}}
          - {name: dir, emptyDir: {}}
        """,
    "native app sidecar": """
        apiVersion: apps/v1
        kind: ReplicaSet
        metadata: {name: shipped}
        spec:
          selector: {matchLabels: {app: shipped}}
          template:
            metadata: {labels: {app: shipped}}
            spec:
              initContainers:
              - name: shipper
                image: shipper
                restartPolicy: Always
              - {name: fetch, image: fetch}
              containers:
              - {name: app, image: app}
              hostAliases: [{ip: 203.0.113.9, hostnames: [a, b]}]
        """,
    "traffic annotations": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: routed}
        spec:
          selector: {matchLabels: {app: routed}}
          template:
            metadata:
              labels: {app: routed, sidecar.istio.io/inject: "true"}
              annotations:
                traffic.sidecar.istio.io/includeOutboundIPRanges: 198.51.100.0/24,2001:db8::/32
                traffic.sidecar.istio.io/excludeInboundPorts: "8081, 8082"
                traffic.sidecar.istio.io/excludeOutboundPorts: "3306"
                sidecar.istio.io/interceptionMode: TPROXY
                sidecar.istio.io/proxyCPU: 100m
                sidecar.istio.io/userVolume: '{"certs":{"emptyDir":{}}}'
                sidecar.istio.io/userVolumeMount: '{"certs":{"mountPath":"/certs","readOnly":true}}'
                proxy.istio.io/config: |
                  holdApplicationUntilProxyStarts: true
                  terminationDrainDuration: 30s
                  concurrency: 2
            spec:
              containers: [{name: app, image: app, ports: [{containerPort: 8080}]}]
        """,
    "asks for a classic sidecar": """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: classic}
        spec:
          template:
            metadata: {annotations: {weir.io/native-sidecar: "false"}}
            spec:
              restartPolicy: Never
              initContainers: [{name: prepare, image: p}]
              containers:
              - name: work
                image: w
              - {name: more, image: m}
        """,
    "left alone": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: out}   # keeps its comments, too
        spec:
          selector: {matchLabels: {app: out}}
          template:
            metadata: {labels: {app: out, sidecar.istio.io/inject: "false"}}
            spec: {hostNetwork: true, containers: [{name: app, image: app}]}
        """,
    "old controller": """
        kind: ReplicationController
        apiVersion: v1
        metadata: {name: old}
        spec:
            replicas: 2
            template:
                spec:
                    containers:
                    -   image: old
                        name: old
                        stdin: yes
                        tty: off
                metadata:
                    labels:
                        app: old
        """,
    "served by the API": """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          annotations: {deployment.kubernetes.io/revision: "3"}
          creationTimestamp: "2024-05-01T10:00:00Z"
          generation: 3
          name: live
          namespace: default
          resourceVersion: "123456"
          uid: 6f8b1b1e-7d0a-4a44-8d0c-0d5d4a3c2b1a
        spec:
          progressDeadlineSeconds: 600
          replicas: 1
          revisionHistoryLimit: 10
          selector: {matchLabels: {app: live}}
          strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}, type: RollingUpdate}
          template:
            metadata: {labels: {app: live}}
            spec:
              containers:
              - {image: live, imagePullPolicy: Always, name: live, resources: {}, terminationMessagePath: /dev/termination-log}
              dnsPolicy: ClusterFirst
              restartPolicy: Always
              schedulerName: default-scheduler
              securityContext: {}
              affinity:
                podAntiAffinity:
                  preferredDuringSchedulingIgnoredDuringExecution:
                  - {weight: 100, podAffinityTerm: {labelSelector: {matchLabels: {app: live}}, topologyKey: kubernetes.io/hostname}}
        status: {availableReplicas: 1, observedGeneration: 3, replicas: 1}
        """,
    "no workload": """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: embedded}
        data:
          deployment.yaml: |
            ---
            kind: Deployment
            spec: {template: {spec: {containers: []}}}
            ...
          empty: ""
        """,
}

OTHERS = """
apiVersion: v1
kind: Service
metadata: {name: other} # a comment that stays
spec: {ports: [{port: 80, targetPort: http}], selector: {app: other}}
---
# only a comment
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: jobs.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: jobs, singular: job, kind: Job}
  versions:
  - {name: v1, served: yes, storage: yes, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
apiVersion: example.com/v1
kind: Job
metadata: {name: not-kubernetes}
spec: {template: {spec: {containers: 3}}}
"""


def plain(text: str) -> str:
    lines = text.strip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    return re.sub(r"\n *$", "", "\n".join(line[indent:] for line in lines)) + "\n"


def _loaded(text: str):
    return yaml.safe_load(re.sub(r'\\0d"', 'd"', text))


def _dumped(**how):
    return lambda text: yaml.safe_dump(_loaded(text), **how)


def _indented(text: str) -> str:
    return "apiVersion: v1\nkind: List\nitems:\n- " + yaml.safe_dump(_loaded(text)).replace("\n", "\n  ").rstrip() + "\n"


def _numbers(text: str):
    """As JSON has them: 0400 and 1_000 are YAML's."""
    return json.loads(json.dumps(_loaded(text), default=str))


DRESSES = {
    "plain": lambda text: text,
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "marked": lambda text: f"# the head stays\n---\n{text}...\n",
    "among others": lambda text: f"{OTHERS}---\n{text}---\n{text.replace('name: ', 'name: x-', 1)}",
    "first of many": lambda text: f"\ufeff{text}---{OTHERS}",
    "sorted": _dumped(sort_keys=True),
    "flow": _dumped(default_flow_style=True, sort_keys=False),
    "wide blocks": _dumped(indent=8, sort_keys=False, allow_unicode=True),
    "folded at forty": _dumped(width=40, sort_keys=False),
    "quoted": _dumped(default_style='"', sort_keys=False),
    "list": _indented,
    "JSON": lambda text: json.dumps(_numbers(text), indent=2),
    "compact JSON": lambda text: json.dumps(_numbers(text), separators=(",", ":"), ensure_ascii=False) + "\n",
    "JSON list": lambda text: json.dumps({"kind": "List", "apiVersion": "v1", "items": [_numbers(text), _numbers(text)]}, indent="\t"),
}

CORPUS = {
    f"{shape}, {dress}": change(plain(text)) for shape, text in SHAPES.items() for dress, change in DRESSES.items()
}
